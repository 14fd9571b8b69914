import fc from "fast-check";
import { expect, it } from "vitest";
import { bucketEndingAt, HOUR, isClosed, latestClosed, MINUTE, splitBucket } from "./bucket.ts";
import { seconds } from "./time.ts";

it("splits a bucket into the coarsest parts without gap or overlap", () => {
  const moment = fc.bigInt({ min: -(10n ** 13n), max: 10n ** 13n });
  const length = fc.oneof(fc.bigInt({ min: 0n, max: 10n ** 8n }), fc.bigInt({ min: 0n, max: 10n ** 12n }));
  fc.assert(
    fc.property(moment, length, (from, width) => {
      const to = from + width;
      const parts = splitBucket({ from, to });
      const inOrder = [parts.headTrades, parts.headMinutes, parts.hours, parts.tailMinutes, parts.tailTrades];
      let at = from;
      for (const part of inOrder) {
        if (part.from === part.to) continue;
        expect(part.from).toBe(at);
        expect(part.to > part.from).toBe(true);
        at = part.to;
      }
      expect(at).toBe(to);
      for (const part of [parts.headMinutes, parts.tailMinutes, parts.hours]) {
        if (part.from === part.to) continue;
        expect(part.from % MINUTE).toBe(0n);
        expect(part.to % MINUTE).toBe(0n);
      }
      if (parts.hours.from < parts.hours.to) {
        expect(parts.hours.from % HOUR).toBe(0n);
        expect(parts.hours.to % HOUR).toBe(0n);
      }
      const minutes = parts.headMinutes.to - parts.headMinutes.from + parts.tailMinutes.to - parts.tailMinutes.from;
      expect(minutes < 2n * HOUR).toBe(true);
      const trades = parts.headTrades.to - parts.headTrades.from + parts.tailTrades.to - parts.tailTrades.from;
      expect(trades < 2n * MINUTE).toBe(true);
    }),
  );
});

it("closes a bucket exactly after the settle time", () => {
  const to = seconds(300);
  expect(isClosed(to, seconds(305) - 1n, 5)).toBe(false);
  expect(isClosed(to, seconds(305), 5)).toBe(true);
  expect(latestClosed(seconds(305) - 1n, 30, 5)).toBe(seconds(270));
  expect(latestClosed(seconds(305), 30, 5)).toBe(seconds(300));
});

it("a bucket covers the window before its end", () => {
  expect(bucketEndingAt(seconds(600), 300)).toEqual({ from: seconds(300), to: seconds(600) });
});
