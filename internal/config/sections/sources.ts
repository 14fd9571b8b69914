import { z } from "zod";
import { SOURCE_NAME } from "../../canonical/trade-rules.ts";
import { needs, reportAt } from "../../lib/cross-checks.ts";
import { editDistance } from "../../lib/suggest.ts";
import { buildRegistry, SOURCE_CLASSES, SOURCE_SUBCLASSES } from "../../policy/registry.ts";
import { integerField } from "./fields.ts";

const BUILT_IN = buildRegistry();
const ONE_CLASS = `one of ${SOURCE_CLASSES.join(", ")}`;

/** Returns the built-in source that a misspelt name most likely means; null where the name is built in or resembles none. */
export function misspeltSource(name: string): string | null {
  if (BUILT_IN.has(name)) return null;
  return [...BUILT_IN.keys()].find((known) => known.length > 3 && editDistance(name, known) <= 2) ?? null;
}

const source = z.strictObject({
  name: z
    .string()
    .regex(SOURCE_NAME)
    .describe("1 to 64 lower-case letters, digits, dots, underscores or hyphens, such as kraken"),
  class: z.enum(SOURCE_CLASSES).optional().describe(ONE_CLASS),
  subclass: z
    .enum(SOURCE_SUBCLASSES)
    .optional()
    .describe(`one of ${SOURCE_SUBCLASSES.join(", ")}`),
  include_in_vwap: z.boolean().optional().describe("true or false"),
  weight: integerField(1, 1_000_000)
    .optional()
    .describe("a whole number from 1 to 1000000; include_in_vwap = false leaves a source out"),
});

const checkedSource = source.superRefine(
  ({ name, class: declaredClass, subclass }, context) => {
    const sourceClass = declaredClass ?? BUILT_IN.get(name)?.class;
    if (sourceClass === undefined) {
      const meant = misspeltSource(name);
      const hint = meant === null ? "" : `; did you mean ${meant}?`;
      reportAt(
        context,
        ["class"],
        `is missing, and ${JSON.stringify(name)} is not a built-in source${hint}`,
        ONE_CLASS,
      );
    } else if (subclass !== undefined && sourceClass !== "exchange") {
      const right = "no subclass, since only exchanges have one";
      reportAt(context, ["subclass"], `is ${JSON.stringify(subclass)} for a source of class ${sourceClass}`, right);
    }
  },
  needs("name", "class", "subclass"),
);

/** `[[sources]]`: sources added to the built-in registry, or built-in ones changed. */
export const sourcesSection = z
  .array(checkedSource)
  .max(1000)
  .superRefine(
    (sources, context) => {
      const seen = new Set<string>();
      for (const [index, { name }] of sources.entries()) {
        if (seen.has(name)) {
          reportAt(context, [index, "name"], `${JSON.stringify(name)} occurs twice`, "each source only once");
        }
        seen.add(name);
      }
    },
    { when: ({ value }) => Array.isArray(value) && value.every((entry) => typeof entry?.name === "string") },
  )
  .prefault([])
  .describe("at most 1000 tables, [[sources]]");
