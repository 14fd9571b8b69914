import { makePolicy, type Policy } from "../policy/policy.ts";
import { type Config, policySettings } from "./schema.ts";

/** Returns the policy of a configuration. */
export function configuredPolicy(config: Config): Policy {
  return makePolicy(policySettings(config));
}
