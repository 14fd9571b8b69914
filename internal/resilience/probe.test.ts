import { afterEach, beforeEach, expect, it } from "vitest";
import { type CircuitState, type Guard, makeGuard, NO_GUARD } from "./guard.ts";
import { keepProbing } from "./probe.ts";

let states: CircuitState[];
let guard: Guard;
let isAway: boolean;
let pings: number;
let probe: { readonly stop: () => void };

beforeEach(() => {
  states = [];
  isAway = false;
  pings = 0;
  guard = makeGuard(
    "the thing",
    {
      failures: 3,
      cooldownSeconds: 0.02,
      stopwatch: () => performance.now() / 1000,
      onChange: (state) => states.push(state),
    },
    () => true,
  );
  probe = keepProbing(guard, 0.02, ping);
});
afterEach(() => probe.stop());

function ping(): Promise<void> {
  return guard.run(async () => {
    pings++;
    if (isAway) throw new Error("away");
  });
}

it("opens the circuit of a dependency that is away, and closes it when that is back, although nobody asks for it", async () => {
  await expect.poll(() => pings).toBeGreaterThan(2);
  expect(states).toEqual([]);
  isAway = true;
  await expect.poll(() => states[0]).toBe("open");
  isAway = false;
  await expect.poll(guard.state).toBe("closed");
  expect(states.at(-1)).toBe("closed");
});

it("asks no more once it is stopped, and never where there is no circuit", async () => {
  await expect.poll(() => pings).toBeGreaterThan(0);
  probe.stop();
  const before = pings;
  let unguarded = 0;
  const other = keepProbing(NO_GUARD, 0.02, async () => unguarded++);
  let turns = 0;
  const clock = setInterval(() => turns++, 20);
  await expect.poll(() => turns).toBeGreaterThan(3);
  clearInterval(clock);
  other.stop();
  expect([pings, unguarded]).toEqual([before, 0]);
});
