import { expect, it } from "vitest";
import { asError } from "./as-error.ts";

it("returns an error as it is, and anything else as the message of one", () => {
  const error = new TypeError("wrong");
  expect(asError(error)).toBe(error);
  for (const thrown of ["text", 1, null, undefined, Symbol("s")]) {
    expect(asError(thrown)).toBeInstanceOf(Error);
    expect(asError(thrown).message).toBe(String(thrown));
  }
});
