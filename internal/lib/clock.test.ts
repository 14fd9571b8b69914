import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { stopwatch, systemClock } from "./clock.ts";

const FAR = 3_600_000_000n;

describe("the system's clock", () => {
  it("counts microseconds since 1970", () => {
    const before = BigInt(Date.now()) * 1000n;
    const now = systemClock.now();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(BigInt(Date.now()) * 1000n);
  });

  it("has reached the moment when it wakes, and leaves no listener", async () => {
    const { signal } = new AbortController();
    const moment = systemClock.now() + 20_999n;
    await systemClock.sleepUntil(moment, signal);
    expect(systemClock.now()).toBeGreaterThanOrEqual(moment);
    await systemClock.sleepUntil(systemClock.now() - FAR, signal);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("wakes when the signal aborts, also where that was before", async () => {
    const leaving = new AbortController();
    const moment = systemClock.now() + FAR;
    const asleep = systemClock.sleepUntil(moment, leaving.signal);
    leaving.abort();
    await asleep;
    await systemClock.sleepUntil(moment, leaving.signal);
    expect(systemClock.now()).toBeLessThan(moment);
  });
});

it("the stopwatch counts seconds, and never backwards", () => {
  const times = Array.from({ length: 100 }, stopwatch);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(Math.abs(stopwatch() - performance.now() / 1000)).toBeLessThan(10);
});
