import type { z } from "zod";

/** Marks issues of checks across keys; each key is valid by itself. */
const BETWEEN_KEYS = { betweenKeys: true };

/**
 * Returns the condition of a check across keys: it runs if each of the keys is valid, even with issues elsewhere, so
 * that all problems are reported in one go.
 */
export function needs(...keys: string[]): { when: (payload: z.core.ParsePayload) => boolean } {
  return { when: ({ issues }) => issues.every((issue) => isElsewhere(issue, keys)) };
}

function isElsewhere(issue: z.core.$ZodRawIssue, keys: readonly string[]): boolean {
  if (issue.code === "unrecognized_keys") return true;
  const { betweenKeys } = issue.code === "custom" ? (issue.params ?? {}) : {};
  const key = issue.path?.[0];
  return betweenKeys === true || (key !== undefined && !keys.includes(String(key)));
}

/** Receives the issues of checks across keys. */
export interface IssueSink {
  addIssue: (issue: z.core.$ZodSuperRefineIssue) => void;
}

/** Reports an issue of a check across keys at `path`; `right` is the expected value. */
export function reportAt(context: IssueSink, path: PropertyKey[], message: string, right: string): void {
  context.addIssue({ code: "custom", path, message, params: { ...BETWEEN_KEYS, right } });
}
