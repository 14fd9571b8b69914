import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { createRateLimit } from "./rate-limiter.ts";

it("never admits more than the limit in any window, in bursts or not", async () => {
  const windowMs = 40;
  const limit = createRateLimit(3, windowMs);
  const starts: number[] = [];
  const { signal } = new AbortController();
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      await limit(signal);
      starts.push(performance.now());
    }),
  );
  starts.forEach((start, index) => {
    const third = starts[index - 3];
    // This time is read after the limiter has read its own.
    if (third !== undefined) expect(start - third).toBeGreaterThan(windowMs - 5);
  });
  expect((starts[7] ?? 0) - (starts[0] ?? 0)).toBeLessThan(10 * windowMs);
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

it("stops waiting when the signal aborts, without using a slot", async () => {
  const windowMs = 250;
  const limit = createRateLimit(1, windowMs);
  const began = performance.now();
  await limit(new AbortController().signal);
  const leaving = new AbortController();
  const ends: string[] = [];
  const left = limit(leaving.signal).catch(() => ends.push("left"));
  const stayed = limit(new AbortController().signal).then(() => ends.push("stayed"));
  leaving.abort();
  await Promise.all([left, stayed]);
  expect(ends).toEqual(["left", "stayed"]);
  expect(performance.now() - began).toBeLessThan(2 * windowMs);
  expect(getEventListeners(leaving.signal, "abort")).toEqual([]);
  await expect(limit(AbortSignal.abort())).rejects.toThrow();
});
