import type { Pair } from "../../canonical/pair.ts";
import { formatPair } from "../../canonical/pair.ts";
import { earlierOf, laterOf, type Micros, parseTime, seconds } from "../../canonical/time.ts";
import { asError } from "../../lib/as-error.ts";
import type { MaybePromise } from "../../lib/maybe-promise.ts";
import { countedSources } from "../../policy/class-filter.ts";
import { expandPair } from "../../policy/expansion.ts";
import type { Policy } from "../../policy/policy.ts";
import type { Database } from "../../storage/connection/database.ts";
import { type FeedCoverage, readFeedCoverage } from "../../storage/control/feed-coverage.ts";
import type { Answer } from "../answer.ts";
import { coverageUnknown } from "../events.ts";

/** Whose feeds the configuration declares. */
const TENANT = "default";
const FRESH_SECONDS = 5;
/** After a failure it is not asked again before. */
const RETRY_SECONDS = 30;
/** Coverage is known a moment after the trades: so much at the end is not counted as missing. */
const KNOWN_AFTER: Micros = seconds(30);

/** An interval of event time. */
interface Interval {
  readonly from: Micros;
  readonly to: Micros;
}

/** What is known of collected feeds, at most some seconds old. */
export interface Completeness {
  readonly feeds: () => MaybePromise<readonly FeedCoverage[]>;
  /** What is known without waiting: nothing before the first read. */
  readonly known: () => readonly FeedCoverage[];
}

/** Keeps what is known of feeds: one query for all answers. Where it cannot be read, what was known last stands. */
export function makeCompleteness(database: Database, stopwatch: () => number): Completeness {
  let known: readonly FeedCoverage[] | null = null;
  let nextAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<readonly FeedCoverage[]> | null = null;

  async function read(): Promise<readonly FeedCoverage[]> {
    try {
      known = await readFeedCoverage(database.sql, TENANT);
      nextAt = stopwatch() + FRESH_SECONDS;
    } catch (error) {
      nextAt = stopwatch() + RETRY_SECONDS;
      coverageUnknown.publish({ error: asError(error) });
    } finally {
      reading = null;
    }
    return known ?? [];
  }

  const refresh = (): void => {
    if (stopwatch() >= nextAt) reading ??= read();
  };
  return {
    feeds: () => {
      refresh();
      return known ?? reading ?? [];
    },
    known: () => {
      refresh();
      return known ?? [];
    },
  };
}

/** Returns the parts of an interval in which a feed may lack trades. */
export function missingOf({ startAt, watermark, gaps }: FeedCoverage, { from, to }: Interval): Interval[] {
  const tail = { from: laterOf(watermark ?? startAt, startAt), to };
  return [...gaps, tail].flatMap((gap) => {
    const part = { from: laterOf(gap.from, from), to: earlierOf(gap.to, to) };
    return part.from < part.to ? [part] : [];
  });
}

/** Returns the parts of an interval that a feed has completely. */
export function coveredOf(feed: FeedCoverage, { from, to }: Interval): Interval[] {
  const covered: Interval[] = [];
  let at = laterOf(from, feed.startAt);
  for (const gap of missingOf(feed, { from, to })) {
    if (at < gap.from) covered.push({ from: at, to: gap.from });
    at = laterOf(at, gap.to);
  }
  if (at < to) covered.push({ from: at, to });
  return covered;
}

const INTERVAL = /"from":"([^"]+)","to":"([^"]+)"/;
const CURRENT = /"as_of":"([^"]+)","window_seconds":(\d+)/;

/** Returns the interval that an answer about a price is of; null where it names none. */
function intervalOf(data: string): Interval | null {
  const [, from, to] = INTERVAL.exec(data) ?? [];
  if (from !== undefined && to !== undefined) return { from: parseTime(from), to: parseTime(to) };
  const [, end, windowSeconds] = CURRENT.exec(data) ?? [];
  if (end === undefined) return null;
  return { from: parseTime(end) - seconds(Number(windowSeconds)), to: parseTime(end) };
}

/**
 * Returns the answer, marked as incomplete where a source that counts for the pair has a gap inside the answer's interval.
 * @param page the interval of an answer that does not say it
 */
export function withCompleteness(
  { completeness, policy, now }: { completeness: Completeness; policy: Policy; now: () => Micros },
  pair: Pair,
  answer: Answer,
  page?: Interval,
): Answer {
  const feeds = completeness.known();
  if (feeds.length === 0) return answer;
  const interval = page ?? intervalOf(answer.data);
  if (interval === null) return answer;
  const pairs = new Set(expandPair(pair, policy).map(formatPair));
  const sources = countedSources(policy);
  const counted = feeds.filter(
    ({ source, pair: of }) => pairs.has(of) && (sources === null || sources.includes(source)),
  );
  const known = { from: interval.from, to: earlierOf(interval.to, now() - KNOWN_AFTER) };
  if (!counted.some((feed) => missingOf(feed, known).length > 0)) return answer;
  return { ...answer, flags: { ...answer.flags, incomplete: true } };
}
