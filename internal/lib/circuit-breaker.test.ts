import { expect, it } from "vitest";
import { CircuitOpen, type CircuitState, makeCircuitBreaker } from "./circuit-breaker.ts";

class Away extends Error {}

/** A circuit breaker of three failures and ten seconds, on a clock that the test advances. */
function opened() {
  let now = 0;
  const states: CircuitState[] = [];
  const breaker = makeCircuitBreaker(
    "the thing",
    { failures: 3, cooldownSeconds: 10, stopwatch: () => now, onChange: (state) => states.push(state) },
    (error) => error instanceof Away,
  );
  const fail = () => breaker.run(() => Promise.reject(new Away("away")));
  return {
    breaker,
    states,
    fail,
    pass: (seconds: number) => {
      now += seconds;
    },
  };
}

it("opens after the given number of failures in a row, and then makes no calls", async () => {
  const { breaker, fail, states } = opened();
  for (let time = 0; time < 3; time++) await expect(fail()).rejects.toThrow(Away);
  expect(breaker.state()).toBe("open");
  let calls = 0;
  const refused = breaker.run(async () => calls++);
  await expect(refused).rejects.toThrow(CircuitOpen);
  await expect(refused).rejects.toMatchObject({
    code: "CIRCUIT_OPEN",
    message: "the thing: circuit open after 3 consecutive failures; it is retried every 10 s",
  });
  expect(calls).toBe(0);
  expect(states).toEqual(["open"]);
});

it("an answer in between, even a refusal, resets the count", async () => {
  const { breaker, fail } = opened();
  for (const answer of [() => breaker.run(async () => 1), () => breaker.run(() => Promise.reject(new Error("no")))]) {
    await expect(fail()).rejects.toThrow(Away);
    await expect(fail()).rejects.toThrow(Away);
    await answer().catch(() => {});
  }
  expect(breaker.state()).toBe("closed");
});

it("after the cooldown, one successful call closes it, while others are still refused", async () => {
  const { breaker, fail, pass, states } = opened();
  for (let time = 0; time < 3; time++) await fail().catch(() => {});
  pass(9.9);
  await expect(breaker.run(async () => "early")).rejects.toThrow(CircuitOpen);
  pass(0.1);
  let answer = (_: string): void => {};
  const trying = breaker.run(() => new Promise<string>((resolve) => (answer = resolve)));
  expect(breaker.state()).toBe("half-open");
  await expect(breaker.run(async () => "beside")).rejects.toThrow(CircuitOpen);
  answer("back");
  await expect(trying).resolves.toBe("back");
  await expect(breaker.run(async () => "again")).resolves.toBe("again");
  expect(states).toEqual(["open", "half-open", "closed"]);
});

it("opens again if that call fails", async () => {
  const { breaker, fail, pass } = opened();
  for (let time = 0; time < 3; time++) await fail().catch(() => {});
  for (let round = 0; round < 3; round++) {
    pass(10);
    await expect(fail()).rejects.toThrow(Away);
    await expect(breaker.run(async () => "early")).rejects.toThrow(CircuitOpen);
  }
});

it("retries only safe calls after a transient failure", async () => {
  const { breaker } = opened();
  let calls = 0;
  const second = async () => {
    calls++;
    if (calls === 1) throw new Away("away");
    return calls;
  };
  await expect(breaker.runWithRetry(second)).resolves.toBe(2);
  calls = 0;
  await expect(breaker.run(second)).rejects.toThrow(Away);
  expect(calls).toBe(1);
  let refusals = 0;
  const refusing = () => {
    refusals++;
    return Promise.reject(new Error("no"));
  };
  await expect(breaker.runWithRetry(refusing)).rejects.toThrow("no");
  expect(refusals).toBe(1);
});
