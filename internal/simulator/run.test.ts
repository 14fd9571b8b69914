import { describe, expect, it } from "vitest";
import { formatPair } from "../canonical/pair.ts";
import { type Micros, parseTime, seconds } from "../canonical/time.ts";
import type { TradeRow } from "../canonical/trade.ts";
import { tradesBetween } from "./market.ts";
import { FULL_HISTORY_SPAN, HISTORY_SPAN, type MarketRun, runMarket } from "./run.ts";

const START = parseTime("2026-08-09T22:30:00.25Z");
const WRITE_TIME = seconds(1) / 4n;

interface Written {
  readonly at: Micros;
  readonly rows: readonly TradeRow[];
}

/** Runs the market on a clock that only writes and sleeps advance, until `duration` has passed. */
async function runFor(duration: Micros, overrides: Partial<MarketRun> = {}): Promise<{ written: Written[] }> {
  let clock = START;
  const controller = new AbortController();
  const written: Written[] = [];
  const advanceTo = (moment: Micros) => {
    if (moment > clock) clock = moment;
    if (clock >= START + duration) controller.abort();
  };
  const run: MarketRun = {
    now: () => clock,
    sleepUntil: async (moment) => advanceTo(moment),
    signal: controller.signal,
    onWriteFailure: (error) => {
      throw error;
    },
    ...overrides,
    write: async (rows) => {
      advanceTo(clock + WRITE_TIME);
      await overrides.write?.(rows);
      written.push({ at: clock, rows });
    },
  };
  await runMarket(run);
  return { written };
}

function identities(rows: readonly TradeRow[]): string[] {
  return rows.map((row) => `${row.ts} ${formatPair(row)} ${row.source} ${row.tradeId}`).sort();
}

function lastMoment(rows: readonly TradeRow[]): Micros {
  return (
    rows
      .map(({ ts }) => ts)
      .sort((a, b) => Number(a - b))
      .at(-1) ?? 0n
  );
}

const FULL_FROM = START - FULL_HISTORY_SPAN;
const HISTORY = [...tradesBetween(1, START - HISTORY_SPAN, FULL_FROM, "thin"), ...tradesBetween(1, FULL_FROM, START)];

describe("runMarket", () => {
  it("writes the last 10 minutes in full, a thin day before them, and then live trades, each trade once", async () => {
    const { written } = await runFor(seconds(60));
    const rows = written.flatMap((batch) => batch.rows);
    const liveUntil = lastMoment(rows);
    expect(liveUntil > START + seconds(55)).toBe(true);
    expect(identities(rows)).toEqual(identities([...HISTORY, ...tradesBetween(1, START, liveUntil + 1n)]));
  });

  it("writes recent trades first, in batches that the database stores quickly", async () => {
    const { written } = await runFor(seconds(60));
    const batches = written.map(({ rows }) => rows).filter((rows) => (rows[0]?.ts ?? START) < START);
    expect(batches.map((rows) => rows.length).every((length) => length > 500 && length <= 2_000)).toBe(true);
    expect(batches.slice(0, 3).every((rows) => rows.every(({ ts }) => ts >= FULL_FROM))).toBe(true);
    for (const [index, rows] of batches.entries()) {
      const earlier = batches[index + 1]?.at(-1)?.ts ?? 0n;
      expect((rows[0]?.ts ?? 0n) > earlier).toBe(true);
    }
  });

  it("writes live trades within about a second after their time, also while the history is being written", async () => {
    const { written } = await runFor(seconds(60));
    for (const { at, rows } of written) {
      for (const { ts } of rows) {
        expect(ts < at).toBe(true);
        if (ts >= START) expect(at - ts <= seconds(1) + 2n * WRITE_TIME).toBe(true);
      }
    }
  });

  it("reports the progress of the history", async () => {
    const progress: (readonly [number, number])[] = [];
    await runFor(seconds(60), { onHistory: (rows, total) => progress.push([rows, total]) });
    const total = HISTORY.length;
    expect(progress.length).toBeGreaterThan(20);
    expect(progress.every(([rows, all], index) => all === total && rows > (progress[index - 1]?.[0] ?? 0))).toBe(true);
    expect(progress.at(-1)).toEqual([total, total]);
  });

  it("reports a batch that cannot be written and retries with backoff until nothing is missing", async () => {
    const failures: unknown[] = [];
    let calls = 0;
    const { written } = await runFor(seconds(90), {
      write: async () => {
        calls++;
        if (calls % 7 < 3) throw new Error(`no connection ${calls}`);
      },
      onWriteFailure: (error) => failures.push(error),
    });
    expect(failures.length).toBeGreaterThan(5);
    const rows = written.flatMap((batch) => batch.rows);
    const liveUntil = lastMoment(rows);
    expect(identities(rows)).toEqual(identities([...HISTORY, ...tradesBetween(1, START, liveUntil + 1n)]));
  });

  it("waits up to half a minute between attempts", async () => {
    const waits: Micros[] = [];
    let clock = START;
    const controller = new AbortController();
    await runMarket({
      write: () => Promise.reject(new Error("no connection")),
      now: () => clock,
      sleepUntil: async (moment) => {
        clock = moment;
      },
      signal: controller.signal,
      onWriteFailure: (_, retryAt) => {
        waits.push(retryAt - clock);
        if (waits.length === 8) controller.abort();
      },
    });
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30, 30].map(seconds));
  });

  it("fills a long gap like the history, newest first", async () => {
    let outage = true;
    let clock = START;
    const controller = new AbortController();
    const written: TradeRow[] = [];
    await runMarket({
      write: async (rows) => {
        if (clock > START + seconds(5) && outage) {
          clock += seconds(3600);
          outage = false;
        }
        written.push(...rows);
      },
      now: () => clock,
      sleepUntil: async (moment) => {
        clock = moment;
        if (clock > START + seconds(3700)) controller.abort();
      },
      signal: controller.signal,
      onWriteFailure: () => {},
    });
    const thin = identities(tradesBetween(1, START, START + seconds(3700), "thin"));
    const all = new Set(identities(written));
    expect(thin.filter((identity) => !all.has(identity))).toEqual([]);
    expect(identities(written).length).toBe(all.size);
    const recent = identities(tradesBetween(1, START + seconds(3100), START + seconds(3699)));
    expect(recent.filter((identity) => !all.has(identity))).toEqual([]);
  });

  it("writes the same history again when it is started again", async () => {
    const first = await runFor(seconds(20));
    const second = await runFor(seconds(20));
    expect(identities(second.written.flatMap(({ rows }) => rows))).toEqual(
      identities(first.written.flatMap(({ rows }) => rows)),
    );
  });

  it("ends when the signal aborts, after the write in flight", async () => {
    const controller = new AbortController();
    let finish = () => {};
    const writing = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let writes = 0;
    const ended = runMarket({
      write: () => {
        writes++;
        return writing;
      },
      now: () => START,
      sleepUntil: async () => {},
      signal: controller.signal,
      onWriteFailure: () => {},
    });
    controller.abort();
    finish();
    await ended;
    expect(writes).toBe(1);
  });

  it("does nothing if the signal has already aborted", async () => {
    await runMarket({
      write: () => Promise.reject(new Error("must not be called")),
      now: () => START,
      sleepUntil: async () => {},
      signal: AbortSignal.abort(),
      onWriteFailure: (error) => {
        throw error;
      },
    });
  });
});
