import { pairIdentity } from "../../aggregate/aliases.ts";
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
  const configured = new Map(settings.pairs.map((pair) => [pairIdentity(pair, policy.aliases), pair]));
  return {
    ...context,
    configuredPair: (pair) => configured.get(pairIdentity(pair, policy.aliases)) ?? null,
    reportedPolicies: new Set(),
  };
}
