import { expect, it } from "vitest";
import { groupCalls } from "./grouped-calls.ts";

it("writes what waits in few calls, and gives each caller its own outcomes", async () => {
  const calls: number[][] = [];
  const write = groupCalls(
    async (items: readonly number[]) => {
      calls.push([...items]);
      return items.map((item) => item * 10);
    },
    { maxItems: 3, parallel: 1 },
  );
  const outcomes = await Promise.all([[1, 2], [3], [4, 5, 6, 7], [8]].map((items) => write(items).outcomes));
  expect(outcomes).toEqual([[10, 20], [30], [40, 50, 60, 70], [80]]);
  expect(calls).toEqual([[1, 2, 3], [4, 5, 6, 7], [8]]);
});

it("rejects the callers of a call that fails, goes on with others, and drops what is given up before its call", async () => {
  const written: number[] = [];
  const fail: (() => void)[] = [];
  const write = groupCalls(
    async (items: readonly number[]) => {
      if (items.includes(0)) await new Promise<void>((_, reject) => fail.push(() => reject(new Error("refused"))));
      written.push(...items);
      return [...items];
    },
    { maxItems: 1, parallel: 1 },
  );
  const failing = write([0]);
  const givenUp = write([1]);
  const other = write([2]);
  await expect.poll(() => fail.length).toBe(1);
  givenUp.abandon();
  failing.abandon();
  fail[0]?.();
  await expect(failing.outcomes).rejects.toThrow("refused");
  expect(await other.outcomes).toEqual([2]);
  expect(written).toEqual([2]);
});
