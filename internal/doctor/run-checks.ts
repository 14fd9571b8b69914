import { asError } from "../lib/as-error.ts";
import type { Finding } from "./finding.ts";
import { skipped, wrong } from "./finding.ts";

/** A check with its name. */
export interface Check {
  readonly name: string;
  /** An earlier check that must pass; if it finds something wrong, this one is skipped with the text `otherwise`. */
  readonly needs?: { readonly check: string; readonly otherwise: string };
  /** What to do if the check itself fails. */
  readonly cure: string;
  readonly run: () => Promise<Finding | readonly Finding[]>;
}

export interface CheckResult extends Finding {
  readonly check: string;
}

/**
 * Runs checks in sequence, each with a timeout. A check that throws or times out gives a `wrong` finding, and the
 * checks that need it are skipped.
 */
export async function runChecks(checks: readonly Check[], timeoutMs: number): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of checks) {
    const { needs } = check;
    const missing = results.find((each) => each.check === needs?.check && !isUsable(each));
    const findings =
      needs === undefined || missing === undefined
        ? await findingsOf(check, timeoutMs)
        : [skipped(missing.status === "wrong" ? needs.otherwise : `see ${needs.check}`)];
    results.push(...findings.map((finding) => ({ check: check.name, ...finding })));
  }
  return results;
}

function isUsable({ status }: Finding): boolean {
  return status === "ok" || status === "warning";
}

async function findingsOf({ run, cure }: Check, timeoutMs: number): Promise<Finding[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    return [await Promise.race([run(), late])].flat();
  } catch (error) {
    return [wrong(asError(error).message, cure)];
  } finally {
    clearTimeout(timer);
  }
}
