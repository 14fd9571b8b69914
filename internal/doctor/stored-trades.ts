import { isFiat } from "../canonical/asset.ts";
import { formatDuration } from "../canonical/duration.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { formatTime, MICROS_PER_SECOND, type Micros, seconds } from "../canonical/time.ts";
import { type Aliases, pairIdentity } from "../policy/aliases.ts";
import type { Sql } from "../storage/connection/pool.ts";
import { readDatabaseTime } from "../storage/diagnostics/server.ts";
import { readLaterTrades, readStoredPairs, type StoredPair } from "../storage/diagnostics/stored-trades.ts";
import { readSources } from "../storage/trades/orientations.ts";
import { type Finding, ok, warning, wrong } from "./finding.ts";
import { listOf } from "./list.ts";

/** A published pair, and its expansion: the stored pairs whose trades count for it. */
export interface Published {
  readonly pair: Pair;
  readonly markets: readonly Pair[];
}

/** Tolerated clock skew of decoders. */
const TOLERATED_SKEW_SECONDS = 60;

/**
 * Checks rules for decoders that the database cannot enforce (no trades in the future, one orientation per market), and
 * that published pairs still have trades.
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
    ...withoutRecentTrades(stored, published, longest, now),
    ...(await datedInTheFuture(sql, now)),
    ...(await inBothOrientations(sql, stored, aliases)),
  ];
  return findings.length > 0
    ? findings
    : [ok(`${stored.length} pairs are stored, each in one orientation, without trades in the future`)];
}

function withoutRecentTrades(
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
      `no trade for more than ${formatDuration(longest)}: ${listOf(ended)}`,
      "check that their decoders run (docs/decoders.md), or remove the pairs from [aggregate] pairs",
    ),
  ];
}

async function datedInTheFuture(sql: Sql, now: Micros): Promise<Finding[]> {
  // If this machine's clock is behind, current trades would look future-dated; so the later of both clocks counts.
  const databaseTime = await readDatabaseTime(sql);
  const present = databaseTime > now ? databaseTime : now;
  const later = await readLaterTrades(sql, present + seconds(TOLERATED_SKEW_SECONDS));
  if (later.length === 0) return [];
  const named = later.map(
    (each) => `${formatPair(each)} at ${each.source} (up to ${formatTime(each.latest)}, ${each.tradeCount} trades)`,
  );
  return [
    warning(
      `trades are dated in the future: ${listOf(named)}`,
      "a decoder takes local time for UTC, or its clock is ahead: fix it, then delete these trades (stellarindex trades delete --help) and write them again",
    ),
  ];
}

/**
 * Reports pairs that are stored in both orientations: wrong at one source, a warning at different sources. Currency
 * pairs may differ between sources, since their rates count in either orientation.
 */
async function inBothOrientations(sql: Sql, stored: readonly Pair[], aliases: Aliases): Promise<Finding[]> {
  const identityOf = ({ base, quote }: Pair): string => pairIdentity({ base, quote }, aliases);
  const inverseOf = ({ base, quote }: Pair): Pair => ({ base: quote, quote: base });
  const identities = new Set(stored.map(identityOf));
  const inBoth = stored.filter((pair) => identities.has(identityOf(inverseOf(pair))));
  if (inBoth.length === 0) return [];
  const markets = await readSources(sql, inBoth);
  const atOne: string[] = [];
  const atSeveral: string[] = [];
  for (const market of markets) {
    const inverse = identityOf(inverseOf(market));
    // Each pair of markets is named once, the one with more trades first.
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
    "trades in the second orientation are ignored: fix the decoder, then delete them (stellarindex trades delete --help) and write them in the first";
  return [
    ...(atOne.length > 0 ? [wrong(`markets are stored in both orientations: ${listOf(atOne)}`, cure)] : []),
    ...(atSeveral.length > 0
      ? [warning(`sources write a pair in different orientations: ${listOf(atSeveral)}`, cure)]
      : []),
  ];
}
