import { formatPair, type Pair } from "../../canonical/pair.ts";
import { formatTime, laterOf, MICROS_PER_SECOND, type Micros, seconds } from "../../canonical/time.ts";
import { countedSources } from "../../policy/class-filter.ts";
import { resolveContracts } from "../../policy/contracts.ts";
import { expandPair } from "../../policy/expansion.ts";
import type { Policy } from "../../policy/policy.ts";
import { readSourceActivity, type SourceActivity } from "../../storage/trades/source-activity.ts";
import { withSnapshot } from "../../storage/windows/snapshot.ts";
import { makePasses } from "./passes.ts";
import { readWanted } from "./wanted.ts";
import { newOwnEvent, type OwnEvent, type WatcherParts, watchFailed } from "./watcher.ts";

/** What the watcher of silent sources needs. */
export interface SilenceWatcherParts extends WatcherParts {
  readonly policy: Policy;
  /** The published pairs. */
  readonly pairs: readonly Pair[];
}

const EVERY_SECONDS = 60;
const TYPE = "source.silent";
/** Of a source with fewer trades a day nobody can say that it is silent. */
const FEWEST_TRADES = 48;
/** Trades come in bursts: of those that come by chance, one pause in half a billion is as long. */
const MEAN_PAUSES = 20n;
const SHORTEST: Micros = seconds(600);
/** What has been silent for longer is not told any more. */
const LONGEST: Micros = seconds(86_400);

/**
 * Records `source.silent` when a source that counts for a published pair has not traded for twenty times its mean pause of
 * the day before, and for ten minutes at least, until the signal aborts. All of it but the moment follows from the trades, so
 * that any number of daemons record the same event.
 */
export function watchSilence(parts: SilenceWatcherParts, signal: AbortSignal): Promise<void> {
  const { database, tenant, policy, pairs, record, now } = parts;
  /** The silences that were told, of those that last. */
  let told: ReadonlySet<string> = new Set();

  async function pass(): Promise<void> {
    const wanted = await readWanted(database.sql, tenant);
    const asked = pairs.filter((pair) => wanted.has([TYPE], formatPair(pair)));
    if (asked.length === 0) return;
    const resolved = await withSnapshot(database, (reader) =>
      resolveContracts(reader, policy, asked, seconds(EVERY_SECONDS)),
    );
    const markets = asked.map((pair) => expandPair(pair, resolved));
    const moment = now();
    const activity = await readSourceActivity(database.sql, markets, countedSources(policy), moment);
    const silences = activity
      .filter((source) => isSilent(source, moment))
      .map((source) => newOwnEvent(eventOf(formatPair(asked[source.market] as Pair), source), moment));
    const fresh = silences.filter(({ id }) => !told.has(id));
    if (fresh.length > 0) await record(fresh);
    told = new Set(silences.map(({ id }) => id));
  }

  return makePasses(EVERY_SECONDS).run(pass, watchFailed, signal);
}

/** Returns after which time without a trade a source is silent; null where it trades too rarely for that. */
export function silentAfter({
  trades,
  since,
  lastTrade,
}: Pick<SourceActivity, "trades" | "since" | "lastTrade">): Micros | null {
  if (trades < FEWEST_TRADES) return null;
  const pause = (lastTrade - since) / BigInt(trades);
  // Whole seconds, as they are told.
  return laterOf(SHORTEST, ((MEAN_PAUSES * pause) / MICROS_PER_SECOND) * MICROS_PER_SECOND);
}

function isSilent(source: SourceActivity, now: Micros): boolean {
  const after = silentAfter(source);
  const pause = now - source.lastTrade;
  return after !== null && pause > after && pause <= LONGEST;
}

function eventOf(pair: string, source: SourceActivity): OwnEvent {
  const after = silentAfter(source) ?? LONGEST;
  const lastTrade = formatTime(source.lastTrade);
  const body = {
    pair,
    source: source.source,
    last_trade: lastTrade,
    silent_after_seconds: Number(after / MICROS_PER_SECOND),
    trades_of_a_day: source.trades,
  };
  return { type: TYPE, pair, body: JSON.stringify(body), thing: `silent:${pair}:${source.source}`, at: lastTrade };
}
