import { expect, it } from "vitest";
import { z } from "zod";
import { needs, reportAt } from "./cross-checks.ts";

const schema = z
  .strictObject({ least: z.number(), most: z.number(), other: z.number() })
  .superRefine(
    ({ least, most }, context) => {
      if (least > most) reportAt(context, ["least"], "is more than most", "a smaller number");
    },
    needs("least", "most"),
  )
  .superRefine(({ most }, context) => {
    if (most > 9) reportAt(context, ["most"], "is too much", "at most 9");
  }, needs("most"));

function problemsOf(value: unknown): string[] {
  const { error } = schema.safeParse(value);
  return (error?.issues ?? []).map(({ path, code }) => `${path.join(".")} ${code}`);
}

it("checks run whatever is wrong elsewhere, and after each other", () => {
  expect(problemsOf({ least: 1, most: 2, other: 3 })).toEqual([]);
  expect(problemsOf({ least: 12, most: 11, other: "x", more: 1 })).toEqual([
    "other invalid_type",
    " unrecognized_keys",
    "least custom",
    "most custom",
  ]);
});

it("a check does not run where a key that it needs is invalid", () => {
  expect(problemsOf({ least: "x", most: 11, other: 3 })).toEqual(["least invalid_type", "most custom"]);
  expect(problemsOf({ least: 12, other: 3 })).toEqual(["most invalid_type"]);
});

it("an issue says what would be right", () => {
  const { error } = schema.safeParse({ least: 3, most: 2, other: 1 });
  expect(error?.issues).toMatchObject([
    { path: ["least"], message: "is more than most", params: { right: "a smaller number" } },
  ]);
});
