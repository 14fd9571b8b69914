import type { z } from "zod";

/** Marks issues between keys that are each fine by themselves. */
const BETWEEN_KEYS = { betweenKeys: true };

/**
 * When a check between keys runs: as soon as each of the keys can be read, whatever is wrong elsewhere, so that every
 * problem is reported at once.
 */
export function needs(...keys: string[]): { when: (payload: z.core.ParsePayload) => boolean } {
  return { when: ({ issues }) => issues.every((issue) => liesElsewhere(issue, keys)) };
}

function liesElsewhere(issue: z.core.$ZodRawIssue, keys: readonly string[]): boolean {
  if (issue.code === "unrecognized_keys") return true;
  const { betweenKeys } = issue.code === "custom" ? (issue.params ?? {}) : {};
  const key = issue.path?.[0];
  return betweenKeys === true || (key !== undefined && !keys.includes(String(key)));
}

/** Where a check between keys reports. */
export interface IssueTaker {
  addIssue: (issue: z.core.$ZodSuperRefineIssue) => void;
}

/** Reports a problem at `path` that lies between keys; `right` says what would fit. */
export function reportAt(context: IssueTaker, path: PropertyKey[], message: string, right: string): void {
  context.addIssue({ code: "custom", path, message, params: { ...BETWEEN_KEYS, right } });
}
