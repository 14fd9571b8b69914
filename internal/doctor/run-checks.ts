import { asError } from "../canonical/as-error.ts";
import type { Finding } from "./finding.ts";
import { skipped, wrong } from "./finding.ts";

/** One thing that is looked at. */
export interface Check {
  readonly name: string;
  /** The check before it that this one stands on, and what is the matter where that finds something wrong. */
  readonly needs?: { readonly check: string; readonly otherwise: string };
  /** What to do where looking itself fails. */
  readonly cure: string;
  readonly look: () => Promise<Finding | readonly Finding[]>;
}

export interface Examined extends Finding {
  readonly check: string;
}

/**
 * Runs checks one after another, each for so long at most. One that fails or hangs is a finding of its own and keeps no
 * other from being made, but for those that need it.
 */
export async function runChecks(checks: readonly Check[], timeoutMs: number): Promise<Examined[]> {
  const examined: Examined[] = [];
  for (const check of checks) {
    const { needs } = check;
    const missing = examined.find((each) => each.check === needs?.check && !isUsable(each));
    const findings =
      needs === undefined || missing === undefined
        ? await findingsOf(check, timeoutMs)
        : [skipped(missing.status === "wrong" ? needs.otherwise : `see ${needs.check}`)];
    examined.push(...findings.map((finding) => ({ check: check.name, ...finding })));
  }
  return examined;
}

function isUsable({ status }: Finding): boolean {
  return status === "ok" || status === "warning";
}

async function findingsOf({ look, cure }: Check, timeoutMs: number): Promise<Finding[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    return [await Promise.race([look(), late])].flat();
  } catch (error) {
    return [wrong(asError(error).message, cure)];
  } finally {
    clearTimeout(timer);
  }
}
