import { configuredPairs } from "../../aggregate/question.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { ApiContext } from "../context.ts";

/** What the endpoints share while one API runs. */
export interface Service extends ApiContext {
  /** The configured pair that this one is, by whatever name; null where none is. */
  readonly configuredPair: (pair: Pair) => Pair | null;
  /** Policies of stored values, other than the API's own, that were reported already. */
  readonly reportedPolicies: Set<string>;
}

export function makeService(context: ApiContext): Service {
  const { policy, settings } = context;
  return {
    ...context,
    configuredPair: configuredPairs(settings.pairs, policy.aliases),
    reportedPolicies: new Set(),
  };
}
