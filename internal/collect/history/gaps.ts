import { earlierOf, formatTime, type Micros, seconds } from "../../canonical/time.ts";
import type { Database } from "../../storage/connection/database.ts";
import { inTransaction, READ_COMMITTED } from "../../storage/connection/transaction.ts";
import { type Interval, listGaps } from "../../storage/control/coverage.ts";
import { readFeed } from "../../storage/control/feeds.ts";
import { databaseTime } from "../../storage/control/schedules.ts";
import { submitJob } from "../../storage/control/submit.ts";
import { gapFound } from "../events.ts";

/** Gaps that get jobs at once; the others wait until these are filled. */
const MOST_GAPS = 20;
/** After live work, before what operators ask for. */
const PRIORITY = 4;
const MAX_ATTEMPTS = 10;
/** A gap whose job could not fill it is tried again after so long, in seconds. */
const AGAIN_SECONDS = 600;
/** Venues show a trade in answers to requests a moment after they send it. */
const ANSWERS_AFTER = seconds(3);

/** Splits gaps into windows of at most so many seconds. */
export function windowsOfGaps(gaps: readonly Interval[], windowSeconds: number, most: number): Interval[] {
  const windows: Interval[] = [];
  for (const { from, to } of gaps) {
    for (let start: Micros = from; start < to && windows.length < most; start += seconds(windowSeconds)) {
      windows.push({ from: start, to: earlierOf(to, start + seconds(windowSeconds)) });
    }
  }
  return windows;
}

/**
 * Returns a function that makes a job for each gap of a feed that has none. It remembers for which it has made one, so that a gap
 * that cannot be filled is not asked for again and again.
 */
export function makeGapFiller(
  database: Database,
  tenant: string,
  windowSeconds: number,
  stopwatch: () => number,
): (feed: string) => Promise<void> {
  const made = new Map<string, number>();
  return async (name) => {
    const feed = await readFeed(database.sql, tenant, name);
    if (feed === null) return;
    const gaps = await listGaps(database.sql, tenant, name, { after: null, limit: MOST_GAPS });
    for (const [key, at] of made) if (stopwatch() - at >= AGAIN_SECONDS) made.delete(key);
    for (const { from, to } of windowsOfGaps(gaps, windowSeconds, MOST_GAPS)) {
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
