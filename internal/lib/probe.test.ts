import { afterEach, beforeEach, expect, it } from "vitest";
import { type CircuitBreaker, type CircuitState, makeCircuitBreaker, NO_CIRCUIT_BREAKER } from "./circuit-breaker.ts";
import { keepProbing } from "./probe.ts";

let states: CircuitState[];
let breaker: CircuitBreaker;
let isAway: boolean;
let pings: number;
let probe: { readonly stop: () => void };

beforeEach(() => {
  states = [];
  isAway = false;
  pings = 0;
  breaker = makeCircuitBreaker(
    "the thing",
    {
      failures: 3,
      cooldownSeconds: 0.02,
      stopwatch: () => performance.now() / 1000,
      onChange: (state) => states.push(state),
    },
    () => true,
  );
  probe = keepProbing(breaker, 0.02, ping);
});
afterEach(() => probe.stop());

function ping(): Promise<void> {
  return breaker.run(async () => {
    pings++;
    if (isAway) throw new Error("away");
  });
}

it("opens the circuit of a dependency that is down, and closes it when it is back, without other traffic", async () => {
  await expect.poll(() => pings).toBeGreaterThan(2);
  expect(states).toEqual([]);
  isAway = true;
  await expect.poll(() => states[0]).toBe("open");
  isAway = false;
  await expect.poll(breaker.state).toBe("closed");
  expect(states.at(-1)).toBe("closed");
});

it("does not ping after it is stopped, or without a circuit", async () => {
  await expect.poll(() => pings).toBeGreaterThan(0);
  probe.stop();
  const before = pings;
  let unguarded = 0;
  const other = keepProbing(NO_CIRCUIT_BREAKER, 0.02, async () => unguarded++);
  let turns = 0;
  const clock = setInterval(() => turns++, 20);
  await expect.poll(() => turns).toBeGreaterThan(3);
  clearInterval(clock);
  other.stop();
  expect([pings, unguarded]).toEqual([before, 0]);
});
