import type { LoadedConfig } from "../config/load.ts";
import { publishedPairs } from "../config/published-pairs.ts";
import { policySettings } from "../config/schema.ts";
import { maskSecrets } from "../config/secrets.ts";
import { expandPair } from "../policy/expansion.ts";
import { makePolicy } from "../policy/policy.ts";
import { checkConfig } from "./config.ts";
import { databaseChecks } from "./database-checks.ts";
import { checkDivergence } from "./divergence.ts";
import { API_FINGERPRINT, checkListen, OPS_FINGERPRINT } from "./listen.ts";
import { checkNamed } from "./named-database.ts";
import { checkNode } from "./node-version.ts";
import { redisChecks } from "./redis-checks.ts";
import { type CheckResult, runChecks } from "./run-checks.ts";

/** Timeout of one check. */
const TIMEOUT_MS = 10_000;

/** Runs all checks of a configuration. Never throws; results contain no secrets. */
export async function examine(loaded: LoadedConfig): Promise<CheckResult[]> {
  const { config } = loaded;
  const { aggregate, api } = config;
  const policy = makePolicy(policySettings(config));
  const published = publishedPairs(config).map((pair) => ({ pair, markets: expandPair(pair, policy) }));
  const database = databaseChecks(config, published, policy.aliases);
  const redis = redisChecks(config);
  const cure = "run doctor again; if it persists, follow the message";
  const here = [
    { name: "config", cure, run: async () => checkConfig(loaded) },
    { name: "named", cure, run: async () => checkNamed(loaded) },
    { name: "node", cure, run: async () => checkNode(process.versions.node) },
    { name: "divergence", cure, run: async () => checkDivergence(config) },
    { name: "listen", cure, run: () => checkListen("api.listen", api.listen, API_FINGERPRINT) },
    { name: "listen", cure, run: () => checkListen("api.ops_listen", api.ops_listen, OPS_FINGERPRINT) },
    { name: "listen", cure, run: () => checkListen("aggregate.ops_listen", aggregate.ops_listen, OPS_FINGERPRINT) },
  ];
  try {
    const groups = [here, database.checks, redis.checks].map((checks) => runChecks(checks, TIMEOUT_MS));
    return (await Promise.all(groups)).flat().map((each) => ({
      ...each,
      found: maskSecrets(each.found),
      cure: each.cure === null ? null : maskSecrets(each.cure),
    }));
  } finally {
    await Promise.all([database.close(), redis.close()]);
  }
}
