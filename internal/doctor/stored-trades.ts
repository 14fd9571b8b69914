import { type Aliases, pairIdentity } from "../aggregate/aliases.ts";
import { isFiat } from "../canonical/asset.ts";
import { formatDuration } from "../canonical/duration.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { formatTime, MICROS_PER_SECOND, type Micros, seconds } from "../canonical/time.ts";
import type { Sql } from "../storage/database.ts";
import { readDatabaseTime, readLaterTrades, readStoredPairs, type StoredPair } from "../storage/last-hours.ts";
import { readSources } from "../storage/orientations.ts";
import { type Finding, ok, warning, wrong } from "./finding.ts";
import { listOf } from "./list.ts";

/** A published pair, and the pairs as stored whose trades count as its own. */
export interface Published {
  readonly pair: Pair;
  readonly markets: readonly Pair[];
}

/** What clocks may be apart without anything being wrong with a trade. */
const CLOCKS_APART_SECONDS = 60;

/**
 * Whether the stored trades keep the contract with decoders where the database cannot, and which published pairs are not
 * traded any more.
 * @param longest the longest window, in seconds
 */
export async function checkStoredTrades(
  sql: Sql,
  published: readonly Published[],
  aliases: Aliases,
  longest: number,
  now: Micros,
): Promise<Finding[]> {
  const stored = await readStoredPairs(sql);
  const findings = [
    ...notTradedAnyMore(stored, published, longest, now),
    ...(await datedInTheFuture(sql, now)),
    ...(await storedBothWays(sql, stored, aliases)),
  ];
  return findings.length > 0
    ? findings
    : [ok(`${stored.length} pairs are stored, each one way round, none in the future`)];
}

function notTradedAnyMore(
  stored: readonly StoredPair[],
  published: readonly Published[],
  longest: number,
  now: Micros,
): Finding[] {
  const lastOf = new Map(stored.map((each) => [formatPair(each), each.lastTrade]));
  const ended = published.flatMap(({ pair, markets }) => {
    const times = markets.flatMap((market) => lastOf.get(formatPair(market)) ?? []);
    const last = times.reduce<Micros | null>((latest, ts) => (latest === null || ts > latest ? ts : latest), null);
    return last === null || now - last <= seconds(longest)
      ? []
      : [`${formatPair(pair)} (last ${formatTime(last - (last % MICROS_PER_SECOND))})`];
  });
  if (ended.length === 0) return [];
  return [
    warning(
      `no trade for ${formatDuration(longest)} and more: ${listOf(ended)}`,
      "look whether their decoders run (docs/decoders.md), or take the pairs out of [aggregate] pairs",
    ),
  ];
}

async function datedInTheFuture(sql: Sql, now: Micros): Promise<Finding[]> {
  // To a machine whose own clock is behind, trades of the present look like it, and would be taken back.
  const databaseTime = await readDatabaseTime(sql);
  const present = databaseTime > now ? databaseTime : now;
  const later = await readLaterTrades(sql, present + seconds(CLOCKS_APART_SECONDS));
  if (later.length === 0) return [];
  const named = later.map(
    (each) => `${formatPair(each)} at ${each.source} (up to ${formatTime(each.latest)}, ${each.tradeCount} trades)`,
  );
  return [
    warning(
      `trades are dated in the future: ${listOf(named)}`,
      "a decoder takes local time for UTC, or its clock is ahead; mend it, then take these trades back (stellarindex trades delete --help) and write them again",
    ),
  ];
}

/**
 * A source that has a pair both ways round breaks the contract; of different sources it is a warning, but for currencies,
 * whose rates count either way.
 */
async function storedBothWays(sql: Sql, stored: readonly Pair[], aliases: Aliases): Promise<Finding[]> {
  const identityOf = ({ base, quote }: Pair): string => pairIdentity({ base, quote }, aliases);
  const inverseOf = ({ base, quote }: Pair): Pair => ({ base: quote, quote: base });
  const identities = new Set(stored.map(identityOf));
  const bothWays = stored.filter((pair) => identities.has(identityOf(inverseOf(pair))));
  if (bothWays.length === 0) return [];
  const markets = await readSources(sql, bothWays);
  const atOne: string[] = [];
  const atSeveral: string[] = [];
  for (const market of markets) {
    const inverse = identityOf(inverseOf(market));
    // Each two are named once, the one with more trades first.
    const others = markets.filter(
      (other) =>
        identityOf(other) === inverse &&
        (market.tradeCount > other.tradeCount ||
          (market.tradeCount === other.tradeCount && identityOf(market) < identityOf(other))),
    );
    for (const other of others) {
      if (other.source === market.source)
        atOne.push(`${formatPair(market)} and ${formatPair(other)} at ${market.source}`);
      else if (!isFiat(market.base) || !isFiat(market.quote)) {
        atSeveral.push(`${formatPair(market)} at ${market.source}, ${formatPair(other)} at ${other.source}`);
      }
    }
  }
  const cure =
    "trades of the other way round count for nobody: mend the decoder, then take them back (stellarindex trades delete --help) and write them as the first";
  return [
    ...(atOne.length > 0 ? [wrong(`a market is stored both ways round: ${listOf(atOne)}`, cure)] : []),
    ...(atSeveral.length > 0 ? [warning(`sources write a pair both ways round: ${listOf(atSeveral)}`, cure)] : []),
  ];
}
