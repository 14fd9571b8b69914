import { expect, it, onTestFinished, vi } from "vitest";
import { makePasses } from "./passes.ts";

it("are made at once, regularly and when asked for, one at a time, also after a failure, until the signal aborts", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const stop = new AbortController();
  const failures: string[] = [];
  const ends: (() => void)[] = [];
  let isFailing = false;
  const { wake, run } = makePasses(10);
  const running = run(
    async () => {
      await new Promise<void>((resolve) => ends.push(resolve));
      if (isFailing) throw new Error(`pass ${ends.length}`);
    },
    ({ message }) => failures.push(message),
    stop.signal,
  );
  const end = async (): Promise<void> => {
    ends.at(-1)?.();
    await vi.advanceTimersByTimeAsync(0);
  };
  expect(ends).toHaveLength(1);
  // Asked for during a pass: one more, however often.
  for (let count = 0; count < 3; count++) wake();
  expect(ends).toHaveLength(1);
  await end();
  expect(ends).toHaveLength(2);
  isFailing = true;
  await end();
  isFailing = false;
  expect([ends.length, failures]).toEqual([2, ["pass 2"]]);
  await vi.advanceTimersByTimeAsync(9_999);
  expect(ends).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(ends).toHaveLength(3);
  await end();
  wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(ends).toHaveLength(4);
  stop.abort();
  isFailing = true;
  await end();
  await running;
  expect([ends.length, failures]).toEqual([4, ["pass 2"]]);
});
