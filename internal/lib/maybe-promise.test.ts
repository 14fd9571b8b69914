import { expect, it } from "vitest";
import { andThen } from "./maybe-promise.ts";

it("goes on at once with a value that is there, and later with one that is not", async () => {
  expect(andThen(1, (value) => value + 1)).toBe(2);
  const later = andThen(Promise.resolve(1), (value) => value + 1);
  expect(later).toBeInstanceOf(Promise);
  expect(await later).toBe(2);
  expect(await andThen(1, async (value) => value + 1)).toBe(2);
});

it("throws where the value is there, and rejects where it is not", async () => {
  const fail = (): never => {
    throw new Error("failed");
  };
  expect(() => andThen(1, fail)).toThrow("failed");
  await expect(andThen(Promise.resolve(1), fail)).rejects.toThrow("failed");
  await expect(andThen(Promise.reject(new Error("before")), fail)).rejects.toThrow("before");
});
