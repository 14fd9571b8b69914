import { expect, it } from "vitest";
import { makeBatcher } from "./batcher.ts";

it("answers all requests of one turn of the event loop with one call, and those that follow with another", async () => {
  const calls: number[][] = [];
  const double = makeBatcher(async (numbers: readonly number[]) => {
    calls.push([...numbers]);
    return numbers.map((number) => 2 * number);
  });
  const four = async (number: number) => double(await double(number));
  expect(await Promise.all([four(1), four(2), double(3)])).toEqual([4, 8, 6]);
  expect(calls).toEqual([
    [1, 2, 3],
    [2, 4],
  ]);
});

it("has at most five hundred requests per call", async () => {
  const calls: number[] = [];
  const same = makeBatcher(async (numbers: readonly number[]) => {
    calls.push(numbers.length);
    return numbers;
  });
  const numbers = Array.from({ length: 1001 }, (_, index) => index);
  expect(await Promise.all(numbers.map(same))).toEqual(numbers);
  expect(calls).toEqual([500, 500, 1]);
});

it("rejects one request with its own error, and all with the error of the call", async () => {
  const positive = makeBatcher(async (numbers: readonly number[]) => {
    if (numbers.includes(0)) throw new Error("zero");
    return numbers.map((number) => (number < 0 ? new Error(`${number}`) : number));
  });
  const settled = await Promise.allSettled([positive(1), positive(-1)]);
  expect(settled).toEqual([
    { status: "fulfilled", value: 1 },
    { status: "rejected", reason: new Error("-1") },
  ]);
  const failed = await Promise.allSettled([positive(1), positive(0)]);
  expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await positive(2)).toBe(2);
});
