import { expect, it } from "vitest";
import { memoizeFor } from "./memoize-for.ts";

it("calls again once the time is over, and after an error", async () => {
  let seconds = 0;
  let calls = 0;
  const read = memoizeFor(
    10,
    () => seconds,
    async () => {
      calls++;
      if (calls === 1) throw new Error("unreachable");
      return calls;
    },
  );
  await expect(read()).rejects.toThrow("unreachable");
  expect(await Promise.all([read(), read()])).toEqual([2, 2]);
  seconds = 9.9;
  expect(await read()).toBe(2);
  seconds = 10;
  expect(await read()).toBe(3);
});
