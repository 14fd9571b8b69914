import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { type Micros, parseTime, seconds } from "../../canonical/time.ts";
import { testEngines } from "../connection/database.testing.ts";
import { cover, type Interval, listCoverage, listGaps, moveWatermark, uncover } from "./coverage.ts";
import { declareFeed, listFeeds, readFeed, removeFeed } from "./feeds.ts";
import { leaseNewJob, testLedger } from "./jobs.testing.ts";
import { reportJobs } from "./report.ts";
import { databaseTime } from "./schedules.ts";

const START = parseTime("2026-01-01T00:00:00Z");
const ALL = { after: null, limit: 1000 };
/** Minute `minute` of the tests. */
const at = (minute: number): Micros => START + seconds(60 * minute);

const feedNamed = (feed: string) => ({
  feed,
  source: "kraken",
  host: "api.kraken.com",
  kind: "trades.fetch",
  payload: { pair: "XLM/USD" },
  startAt: START,
  chunkSeconds: 3600,
});

/** Returns the runs of minutes in a set as intervals. */
function intervalsOf(minutes: ReadonlySet<number>): Interval[] {
  const found: Interval[] = [];
  for (const minute of [...minutes].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last?.to === at(minute)) found[found.length - 1] = { from: last.from, to: at(minute + 1) };
    else found.push({ from: at(minute), to: at(minute + 1) });
  }
  return found;
}

function minutesBetween(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}

describe.each(enginesOf(testEngines))("coverage on $name", (engine) => {
  const ledger = testLedger(engine);
  let feeds = 0;

  async function newFeed(): Promise<string> {
    const feed = `kraken:XLM-${feeds++}`;
    await declareFeed(ledger.database.sql, ledger.tenant, feedNamed(feed));
    return feed;
  }

  it("is the union of what was added, and gaps are the rest up to the watermark, as sets of minutes say", async () => {
    const { sql } = ledger.database;
    const interval = fc
      .tuple(fc.integer({ min: -5, max: 40 }), fc.integer({ min: 1, max: 12 }))
      .map(([from, length]) => ({ from, to: from + length }));
    await fc.assert(
      fc.asyncProperty(fc.array(interval, { maxLength: 12 }), fc.integer({ min: -3, max: 60 }), async (added, mark) => {
        const feed = await newFeed();
        const covered = new Set<number>();
        for (const { from, to } of added) {
          await cover(sql, ledger.tenant, feed, [{ from: at(from), to: at(to) }]);
          for (const minute of minutesBetween(from, to)) covered.add(minute);
          expect(await listCoverage(sql, ledger.tenant, feed, ALL)).toEqual(intervalsOf(covered));
        }
        const atOnce = await newFeed();
        const intervals = added.map(({ from, to }) => ({ from: at(from), to: at(to) }));
        await cover(sql, ledger.tenant, atOnce, intervals);
        expect(await listCoverage(sql, ledger.tenant, atOnce, ALL)).toEqual(intervalsOf(covered));
        await moveWatermark(sql, ledger.tenant, feed, at(mark));
        const watermark = Math.max(mark, ...added.map(({ to }) => to));
        expect((await readFeed(sql, ledger.tenant, feed))?.watermark).toBe(at(watermark));
        const missing = minutesBetween(0, watermark).filter((minute) => !covered.has(minute));
        expect(await listGaps(sql, ledger.tenant, feed, ALL)).toEqual(intervalsOf(new Set(missing)));
      }),
      { numRuns: runsOf(engine.server === null ? 80 : 400) },
    );
  });

  it("is what was added and not taken out again, whose time becomes a gap, as sets of minutes say", async () => {
    const { sql } = ledger.database;
    const change = fc.record({
      isLost: fc.boolean(),
      from: fc.integer({ min: 0, max: 40 }),
      length: fc.integer({ min: 1, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 12 }), async (changes) => {
        const feed = await newFeed();
        const covered = new Set<number>();
        let watermark = 0;
        for (const { isLost, from, length } of changes) {
          const interval = { from: at(from), to: at(from + length) };
          if (isLost) await uncover(sql, ledger.tenant, feed, interval);
          else await cover(sql, ledger.tenant, feed, [interval]);
          if (!isLost) watermark = Math.max(watermark, from + length);
          for (const minute of minutesBetween(from, from + length)) {
            if (isLost) covered.delete(minute);
            else covered.add(minute);
          }
          expect(await listCoverage(sql, ledger.tenant, feed, ALL)).toEqual(intervalsOf(covered));
        }
        const missing = minutesBetween(0, watermark).filter((minute) => !covered.has(minute));
        expect(await listGaps(sql, ledger.tenant, feed, ALL)).toEqual(intervalsOf(new Set(missing)));
      }),
      { numRuns: runsOf(engine.server === null ? 40 : 200) },
    );
  });

  it("joins intervals that are added at once", async () => {
    const { sql } = ledger.database;
    const feed = await newFeed();
    const minutes = [3, 1, 0, 7, 2, 5, 4, 6, 9, 8];
    await Promise.all(
      minutes.map((minute) => cover(sql, ledger.tenant, feed, [{ from: at(minute), to: at(minute + 1) }])),
    );
    expect(await listCoverage(sql, ledger.tenant, feed, ALL)).toEqual([{ from: at(0), to: at(10) }]);
  });

  it("refuses what ends in the future, more than clocks differ by, and adds none of it", async () => {
    const { sql } = ledger.database;
    const feed = await newFeed();
    const now = await databaseTime(sql);
    const ahead = now + seconds(360);
    const added = cover(sql, ledger.tenant, feed, [
      { from: at(0), to: at(1) },
      { from: at(2), to: ahead },
    ]);
    await expect(added).rejects.toThrow("a watermark never goes back");
    await expect(moveWatermark(sql, ledger.tenant, feed, ahead)).rejects.toThrow("is in the future");
    expect(await readFeed(sql, ledger.tenant, feed)).toMatchObject({ watermark: null });
    // What clocks differ by is cut off.
    await cover(sql, ledger.tenant, feed, [{ from: at(0), to: now + seconds(240) }]);
    await moveWatermark(sql, ledger.tenant, feed, now + seconds(240));
    const watermark = (await readFeed(sql, ledger.tenant, feed))?.watermark ?? 0n;
    expect([watermark >= now, watermark <= (await databaseTime(sql))]).toEqual([true, true]);
    const [covered] = await listCoverage(sql, ledger.tenant, feed, ALL);
    expect((covered?.to ?? 0n) <= watermark).toBe(true);
  });

  it("is left alone by a worker whose lease is lost", async () => {
    const { sql } = ledger.database;
    const feed = await newFeed();
    const lease = await leaseNewJob(sql, ledger.tenant);
    const held = await Promise.all([
      cover(sql, ledger.tenant, feed, [{ from: at(0), to: at(9) }], lease),
      uncover(sql, ledger.tenant, feed, { from: at(20), to: at(21) }, lease),
    ]);
    expect(held).toHaveLength(2);
    const released = { outcome: "released", retrySeconds: 0, throttle: null, reason: null, message: null } as const;
    await reportJobs(sql, ledger.tenant, [{ ...lease, ...released }]);
    const added = cover(sql, ledger.tenant, feed, [{ from: at(10), to: at(12) }], lease);
    await expect(added).rejects.toThrow("the lease of the job is lost");
    const taken = uncover(sql, ledger.tenant, feed, { from: at(1), to: at(2) }, lease);
    await expect(taken).rejects.toThrow("the lease of the job is lost");
    expect(await listCoverage(sql, ledger.tenant, feed, ALL)).toEqual([{ from: at(0), to: at(9) }]);
  });

  it("is listed in parts", async () => {
    const { sql } = ledger.database;
    const feed = await newFeed();
    for (const minute of [0, 2, 4]) await cover(sql, ledger.tenant, feed, [{ from: at(minute), to: at(minute + 1) }]);
    const [first] = await listCoverage(sql, ledger.tenant, feed, { after: null, limit: 1 });
    expect(first).toEqual({ from: at(0), to: at(1) });
    expect(await listCoverage(sql, ledger.tenant, feed, { after: at(1), limit: 1 })).toEqual([
      { from: at(2), to: at(3) },
    ]);
    expect(await listGaps(sql, ledger.tenant, feed, { after: at(2), limit: 5 })).toEqual([{ from: at(3), to: at(4) }]);
  });

  it("belongs to a declared feed of the tenant, and goes with it", async () => {
    const { sql } = ledger.database;
    const feed = await newFeed();
    expect(await declareFeed(sql, ledger.tenant, { ...feedNamed(feed), chunkSeconds: 60 })).toBe(false);
    expect(await listFeeds(sql, ledger.tenant, null, 10)).toMatchObject([
      { ...feedNamed(feed), chunkSeconds: 60, watermark: null },
    ]);
    expect(await listFeeds(sql, ledger.tenant, feed, 10)).toEqual([]);
    // Nor does anything change for a feed that is not declared, or of another tenant.
    await cover(sql, ledger.tenant, "unknown", [{ from: at(0), to: at(1) }]);
    await cover(sql, "default", feed, [{ from: at(0), to: at(1) }]);
    await moveWatermark(sql, "default", feed, at(1));
    expect(await listCoverage(sql, ledger.tenant, feed, ALL)).toEqual([]);
    expect(await readFeed(sql, "default", feed)).toBeNull();
    expect(await removeFeed(sql, "default", feed)).toBe(false);
    await cover(sql, ledger.tenant, feed, [{ from: at(0), to: at(1) }]);
    expect(await removeFeed(sql, ledger.tenant, feed)).toBe(true);
    expect(await declareFeed(sql, ledger.tenant, feedNamed(feed))).toBe(true);
    expect(await listCoverage(sql, ledger.tenant, feed, ALL)).toEqual([]);
  });
});
