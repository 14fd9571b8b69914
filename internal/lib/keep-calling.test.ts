import { expect, it, onTestFinished, vi } from "vitest";
import { keepCalling } from "./keep-calling.ts";

it("calls at once and again, one call at a time, also after a failure, until it is stopped", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const failures: string[] = [];
  let calls = 0;
  let end = (): void => {};
  const { stop } = keepCalling(
    5,
    async () => {
      calls += 1;
      if (calls === 2) throw new Error("the second one");
      if (calls === 3) await new Promise<void>((resolve) => (end = resolve));
    },
    ({ message }) => failures.push(message),
  );
  expect(calls).toBe(1);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([calls, failures]).toEqual([3, ["the second one"]]);
  // The third call takes longer than the time between two.
  await vi.advanceTimersByTimeAsync(20_000);
  expect(calls).toBe(3);
  end();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(calls).toBe(4);
  stop();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(calls).toBe(4);
});
