import { earlierOf, floorTo, formatTime, laterOf, type Micros, seconds } from "../../canonical/time.ts";
import type { Database } from "../../storage/connection/database.ts";
import { inTransaction, READ_COMMITTED } from "../../storage/connection/transaction.ts";
import { type Interval, listGaps } from "../../storage/control/coverage.ts";
import { readFeed } from "../../storage/control/feeds.ts";
import { databaseTime } from "../../storage/control/schedules.ts";
import { submitJob } from "../../storage/control/submit.ts";
import type { Connector } from "../connector.ts";
import { gapFound, gapLost } from "../events.ts";

/** Gaps that get jobs at once; the others wait until these are filled. */
const MOST_GAPS = 20;
/** After live work, before what operators ask for. */
const PRIORITY = 4;
const MAX_ATTEMPTS = 10;
/** A gap whose job could not fill it is tried again after so long, in seconds. */
const AGAIN_SECONDS = 600;
/** Venues show a trade in answers to requests a moment after they send it. */
const ANSWERS_AFTER = seconds(3);

const HOUR: Micros = seconds(3600);
const DAY: Micros = seconds(86_400);

/** How a venue's history is asked for. */
export interface Windows {
  readonly windowSeconds: number;
  /** Whether there are files of whole days, from which more than an hour of a day is read as one window. */
  readonly hasDayFiles: boolean;
}

/** Splits gaps into windows of limited length. */
export function windowsOfGaps(
  gaps: readonly Interval[],
  { windowSeconds, hasDayFiles }: Windows,
  most: number,
): Interval[] {
  const windows: Interval[] = [];
  for (const { from, to } of gaps) {
    for (let start: Micros = from; start < to && windows.length < most; ) {
      const dayEnd = earlierOf(to, floorTo(start, DAY) + DAY);
      const isOfFile = hasDayFiles && dayEnd - start >= HOUR;
      const end = isOfFile ? dayEnd : earlierOf(hasDayFiles ? dayEnd : to, start + seconds(windowSeconds));
      windows.push({ from: start, to: end });
      start = end;
    }
  }
  return windows;
}

/**
 * Returns the time before which a venue cannot be asked any more, rounded up to whole hours so that the windows of a gap stay the
 * same for an hour; null where it can be asked for everything.
 */
export function horizonOf(historySeconds: number | null, now: Micros): Micros | null {
  if (historySeconds === null) return null;
  const oldest = now - seconds(historySeconds);
  return oldest + ((HOUR - (oldest % HOUR)) % HOUR);
}

/** Returns what of the gaps is not before a time. */
export function gapsSince(gaps: readonly Interval[], since: Micros | null): Interval[] {
  if (since === null) return [...gaps];
  return gaps.flatMap(({ from, to }) => (to > since ? [{ from: laterOf(from, since), to }] : []));
}

/**
 * Returns a function that makes a job for each gap of a feed that has none. It remembers for which it has made one, so that a gap
 * that cannot be filled is not asked for again and again. What the venue has no more gets none, and stays a gap.
 */
export function makeGapFiller(
  database: Database,
  tenant: string,
  { historySeconds, ...windows }: Pick<Connector, "historySeconds"> & Windows,
  stopwatch: () => number,
): (feed: string) => Promise<void> {
  const made = new Map<string, number>();
  /** Up to when each feed's gap was said to be lost. */
  const said = new Map<string, string>();
  return async (name) => {
    const feed = await readFeed(database.sql, tenant, name);
    if (feed === null) return;
    const since = horizonOf(historySeconds, await databaseTime(database.sql));
    const [first] = await listGaps(database.sql, tenant, name, { after: null, limit: 1 });
    if (first === undefined) return;
    if (since !== null && first.from < since) {
      const lost = { from: formatTime(first.from), to: formatTime(earlierOf(first.to, since)) };
      if (said.get(name) !== lost.to) gapLost.publish({ source: feed.source, feed: name, ...lost });
      said.set(name, lost.to);
    }
    const gaps = gapsSince(await listGaps(database.sql, tenant, name, { after: since, limit: MOST_GAPS }), since);
    for (const [key, at] of made) if (stopwatch() - at >= AGAIN_SECONDS) made.delete(key);
    for (const { from, to } of windowsOfGaps(gaps, windows, MOST_GAPS)) {
      const key = `gap:${name}:${from}:${to}`;
      if (made.has(key)) continue;
      const window = { from: formatTime(from), to: formatTime(to) };
      const { jobId } = await inTransaction(database.sql, READ_COMMITTED, async (sql) =>
        submitJob(sql, tenant, {
          ...{ kind: feed.kind, payload: { ...feed.payload, ...window }, priority: PRIORITY },
          ...{ source: feed.source, host: feed.host, feed: name, runId: null, traceparent: null, needs: [] },
          runAt: (await databaseTime(sql)) + ANSWERS_AFTER,
          ...{ maxAttempts: MAX_ATTEMPTS, idempotencyKey: key },
        }),
      );
      made.set(key, stopwatch());
      gapFound.publish({ source: feed.source, feed: name, ...window, job: String(jobId) });
    }
  };
}
