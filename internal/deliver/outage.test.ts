import fc from "fast-check";
import { expect, it } from "vitest";
import { isDown, nextOutage, type Outage, UP } from "./outage.ts";
import type { Sent } from "./sender.ts";

const failed = (given: Partial<Sent>): Sent => ({
  ...{ outcome: "retry", status: null, reason: null, detail: null, retryAfterSeconds: null },
  ...given,
});
const TIMEOUT = failed({ reason: "timeout" });

function after(times: readonly number[], sent: Sent): Outage {
  return times.reduce((outage, now) => nextOutage(outage, sent, now), UP);
}

it("is down after five failures in a row, and waits longer each time that it stays so", () => {
  expect(isDown(after([1, 2, 3, 4], TIMEOUT))).toBe(false);
  expect(after([1, 2, 3, 4, 5], TIMEOUT)).toEqual({ failures: 5, waits: 1, until: 10 });
  expect(after([1, 2, 3, 4, 5, 10], TIMEOUT)).toMatchObject({ waits: 2, until: 20 });
  // Eight attempts that end together are one.
  expect(after([1, 2, 3, 4, 5, 6, 7, 8], TIMEOUT)).toMatchObject({ waits: 1, until: 10 });
  expect(after([1, 2, 3, 4, ...Array.from({ length: 20 }, (_, index) => 1000 * (index + 1))], TIMEOUT).until).toBe(
    20_300,
  );
});

it.each([
  failed({ outcome: "delivered", status: 200 }),
  failed({ outcome: "throttled", status: 429 }),
  failed({ status: 500, reason: "http_status" }),
  failed({ status: 200, reason: "graphql_errors" }),
])("is up as soon as it answers, whatever that is: $outcome $status", (sent) => {
  expect(nextOutage(after([1, 2, 3, 4, 5, 6], TIMEOUT), sent, 7)).toEqual(UP);
});

it.each(["aborted", "mapping_failed"])("is what it was before where nothing was sent, or waited for: %s", (reason) => {
  const down = after([1, 2, 3, 4, 5, 6], TIMEOUT);
  expect(nextOutage(down, failed({ reason }), 7)).toBe(down);
});

it("never waits for more than five minutes, nor ends a wait early", () => {
  const steps = fc.array(fc.tuple(fc.double({ min: 0, max: 1000, noNaN: true }), fc.boolean()));
  fc.assert(
    fc.property(steps, (given) => {
      let [outage, now] = [UP, 0];
      for (const [pause, isAnswered] of given) {
        now += pause;
        const next = nextOutage(outage, isAnswered ? failed({ outcome: "delivered" }) : TIMEOUT, now);
        expect(next.until).toBeLessThanOrEqual(now + 300);
        if (!isAnswered) expect(next.until).toBeGreaterThanOrEqual(outage.until);
        outage = next;
      }
    }),
  );
});
