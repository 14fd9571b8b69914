import { expect, it } from "vitest";
import { removeEnded } from "./retention.ts";

it("removes batches until none is left, stops at a limit, and removes nothing where all is kept", async () => {
  const asked: number[] = [];
  const removing = (batches: number[]) => (days: number) => {
    asked.push(days);
    return Promise.resolve(batches.shift() ?? 0);
  };
  expect(await removeEnded(30, removing([1000, 1000, 7]))).toBe(2007);
  expect(asked).toEqual([30, 30, 30, 30]);
  expect(await removeEnded(30, () => Promise.resolve(1000))).toBe(20_000);
  expect(await removeEnded(0, () => Promise.reject(new Error("was called")))).toBe(0);
});
