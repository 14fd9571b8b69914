import { expect, it } from "vitest";
import { type Micros, seconds } from "../canonical/time.ts";
import { ticksSkipped } from "./events.ts";
import { runSchedule } from "./schedule.ts";

/** Runs the schedule on a clock that only sleeps and ticks advance. */
async function boundaries(start: Micros, tickSeconds: readonly number[], interval = 30, settle = 5) {
  const stop = new AbortController();
  let now = start;
  const ticks: { to: number; at: number }[] = [];
  const skipped: number[] = [];
  const unsubscribe = ticksSkipped.subscribe(({ count }) => skipped.push(count));
  await runSchedule({
    timing: () => ({ intervalSeconds: interval, settleSeconds: settle }),
    signal: stop.signal,
    clock: {
      now: () => now,
      sleepUntil: async (moment) => {
        now = moment;
      },
    },
    tick: async (to) => {
      ticks.push({ to: Number(to / 1_000_000n), at: Number(now / 1_000_000n) });
      now += seconds(tickSeconds[ticks.length - 1] ?? 0);
      if (ticks.length === tickSeconds.length) stop.abort();
    },
  });
  unsubscribe();
  return { ticks, skipped };
}

it("ticks immediately for the latest closed boundary, then at every boundary plus the settle time", async () => {
  const { ticks, skipped } = await boundaries(seconds(1003), [1, 1, 1]);
  expect(ticks).toEqual([
    { to: 990, at: 1003 },
    { to: 1020, at: 1025 },
    { to: 1050, at: 1055 },
  ]);
  expect(skipped).toEqual([]);
});

it("ticks for a boundary only after the settle time", async () => {
  const { ticks } = await boundaries(seconds(1024), [1, 1]);
  expect(ticks).toEqual([
    { to: 990, at: 1024 },
    { to: 1020, at: 1025 },
  ]);
});

it("skips and counts the boundaries that pass during a long tick", async () => {
  const { ticks, skipped } = await boundaries(seconds(1025), [100, 1, 1]);
  expect(ticks).toEqual([
    { to: 1020, at: 1025 },
    { to: 1110, at: 1125 },
    { to: 1140, at: 1145 },
  ]);
  expect(skipped).toEqual([2]);
});

it("starts the next tick immediately if a tick took exactly its interval", async () => {
  const { ticks, skipped } = await boundaries(seconds(1025), [30, 1]);
  expect(ticks).toEqual([
    { to: 1020, at: 1025 },
    { to: 1050, at: 1055 },
  ]);
  expect(skipped).toEqual([]);
});

it("adopts a new interval after the current tick, without publishing a boundary twice or counting one as skipped", async () => {
  const stop = new AbortController();
  let now = seconds(1003);
  let timing = { intervalSeconds: 30, settleSeconds: 5 };
  const ticks: number[] = [];
  const skipped: number[] = [];
  const unsubscribe = ticksSkipped.subscribe(({ count }) => skipped.push(count));
  await runSchedule({
    timing: () => timing,
    signal: stop.signal,
    clock: {
      now: () => now,
      sleepUntil: async (moment) => {
        now = moment;
      },
    },
    tick: async (to) => {
      ticks.push(Number(to / 1_000_000n));
      if (ticks.length === 2) {
        timing = { intervalSeconds: 1, settleSeconds: 2 };
        // Longer than the new interval, shorter than the old one.
        now += seconds(10);
      }
      if (ticks.length === 4) timing = { intervalSeconds: 60, settleSeconds: 5 };
      if (ticks.length === 6) stop.abort();
    },
  });
  unsubscribe();
  expect(ticks).toEqual([990, 1020, 1033, 1034, 1080, 1140]);
  expect(skipped).toEqual([]);
});

it("continues after a clock that was ahead is corrected, and does not repeat a boundary after a small step back", async () => {
  const stop = new AbortController();
  let now = seconds(4603);
  const ticks: number[] = [];
  await runSchedule({
    timing: () => ({ intervalSeconds: 30, settleSeconds: 5 }),
    signal: stop.signal,
    clock: {
      now: () => now,
      sleepUntil: async (moment) => {
        // A sleep sometimes ends early.
        now = moment - now > seconds(60) ? now + seconds(60) : moment;
      },
    },
    tick: async (to) => {
      ticks.push(Number(to / 1_000_000n));
      if (ticks.length === 1) now = seconds(1003);
      if (ticks.length === 3) now -= seconds(20);
      if (ticks.length === 5) stop.abort();
    },
  });
  expect(ticks).toEqual([4590, 990, 1020, 1050, 1080]);
});
