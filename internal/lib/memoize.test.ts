import { expect, it } from "vitest";
import { memoize } from "./memoize.ts";

it("computes once per key, also for calls that come while it computes", async () => {
  const computed: string[] = [];
  const sum = memoize(
    (a: number, b: number) => `${a} ${b}`,
    async (a, b) => {
      computed.push(`${a} ${b}`);
      return a + b;
    },
  );
  expect(await Promise.all([sum(1, 2), sum(1, 2), sum(2, 1)])).toEqual([3, 3, 3]);
  expect(await sum(1, 2)).toBe(3);
  expect(computed).toEqual(["1 2", "2 1"]);
});

it("keeps a rejection as well", async () => {
  let calls = 0;
  const failing = memoize(String, async (_key: string): Promise<number> => {
    calls++;
    throw new Error(`call ${calls}`);
  });
  await expect(failing("a")).rejects.toThrow("call 1");
  await expect(failing("a")).rejects.toThrow("call 1");
  expect(calls).toBe(1);
});
