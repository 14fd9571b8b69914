import { expect, it } from "vitest";
import { CircuitOpen, type CircuitState, makeGuard } from "./guard.ts";

class Away extends Error {}

/** A guard of three failures and ten seconds, on a clock that the test moves. */
function opened() {
  let now = 0;
  const states: CircuitState[] = [];
  const guard = makeGuard(
    "the thing",
    { failures: 3, cooldownSeconds: 10, stopwatch: () => now, onChange: (state) => states.push(state) },
    (error) => error instanceof Away,
  );
  const fail = () => guard.run(() => Promise.reject(new Away("away")));
  return {
    guard,
    states,
    fail,
    pass: (seconds: number) => {
      now += seconds;
    },
  };
}

it("opens after so many failures in a row, and then calls nothing", async () => {
  const { guard, fail, states } = opened();
  for (let time = 0; time < 3; time++) await expect(fail()).rejects.toThrow(Away);
  expect(guard.state()).toBe("open");
  let calls = 0;
  const refused = guard.run(async () => calls++);
  await expect(refused).rejects.toThrow(CircuitOpen);
  await expect(refused).rejects.toMatchObject({
    code: "CIRCUIT_OPEN",
    message: "the thing failed 3 times in a row and is tried again every 10 s",
  });
  expect(calls).toBe(0);
  expect(states).toEqual(["open"]);
});

it("an answer in between, be it a refusal, begins the count anew", async () => {
  const { guard, fail } = opened();
  for (const answer of [() => guard.run(async () => 1), () => guard.run(() => Promise.reject(new Error("no")))]) {
    await expect(fail()).rejects.toThrow(Away);
    await expect(fail()).rejects.toThrow(Away);
    await answer().catch(() => {});
  }
  expect(guard.state()).toBe("closed");
});

it("after the cooldown, one call tries it while others are still refused, and closes it", async () => {
  const { guard, fail, pass, states } = opened();
  for (let time = 0; time < 3; time++) await fail().catch(() => {});
  pass(9.9);
  await expect(guard.run(async () => "early")).rejects.toThrow(CircuitOpen);
  pass(0.1);
  let answer = (_: string): void => {};
  const trying = guard.run(() => new Promise<string>((resolve) => (answer = resolve)));
  expect(guard.state()).toBe("half-open");
  await expect(guard.run(async () => "beside")).rejects.toThrow(CircuitOpen);
  answer("back");
  await expect(trying).resolves.toBe("back");
  await expect(guard.run(async () => "again")).resolves.toBe("again");
  expect(states).toEqual(["open", "half-open", "closed"]);
});

it("opens again where the one call fails", async () => {
  const { guard, fail, pass } = opened();
  for (let time = 0; time < 3; time++) await fail().catch(() => {});
  for (let round = 0; round < 3; round++) {
    pass(10);
    await expect(fail()).rejects.toThrow(Away);
    await expect(guard.run(async () => "early")).rejects.toThrow(CircuitOpen);
  }
});

it("makes a safe call again where it failed in passing, and no other", async () => {
  const { guard } = opened();
  let calls = 0;
  const second = async () => {
    calls++;
    if (calls === 1) throw new Away("away");
    return calls;
  };
  await expect(guard.runSafely(second)).resolves.toBe(2);
  calls = 0;
  await expect(guard.run(second)).rejects.toThrow(Away);
  expect(calls).toBe(1);
  let refusals = 0;
  const refusing = () => {
    refusals++;
    return Promise.reject(new Error("no"));
  };
  await expect(guard.runSafely(refusing)).rejects.toThrow("no");
  expect(refusals).toBe(1);
});
