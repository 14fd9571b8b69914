import { expandPair } from "../aggregate/expansion.ts";
import { makePolicy } from "../aggregate/policy.ts";
import type { LoadedConfig } from "../config/load.ts";
import { publishedPairs } from "../config/published-pairs.ts";
import { policySettings } from "../config/schema.ts";
import { maskSecrets } from "../config/secrets.ts";
import { checkConfig } from "./config.ts";
import { databaseChecks } from "./database-checks.ts";
import { checkDivergence } from "./divergence.ts";
import { API_SIGN, checkListen, OPS_SIGN } from "./listen.ts";
import { checkNamed } from "./named-database.ts";
import { checkNode } from "./node-version.ts";
import { redisChecks } from "./redis-checks.ts";
import { type Examined, runChecks } from "./run-checks.ts";

/** What one look may take. */
const TIMEOUT_MS = 10_000;

/** Looks at everything that the configuration names; never throws, and shows no secret. */
export async function examine(loaded: LoadedConfig): Promise<Examined[]> {
  const { config } = loaded;
  const { aggregate, api } = config;
  const policy = makePolicy(policySettings(config));
  const published = publishedPairs(config).map((pair) => ({ pair, markets: expandPair(pair, policy) }));
  const database = databaseChecks(config, published, policy.aliases);
  const redis = redisChecks(config);
  const cure = "run it again; if it stays so, the message says more than this line can";
  const here = [
    { name: "config", cure, look: async () => checkConfig(loaded) },
    { name: "named", cure, look: async () => checkNamed(loaded) },
    { name: "node", cure, look: async () => checkNode(process.versions.node) },
    { name: "divergence", cure, look: async () => checkDivergence(config) },
    { name: "listen", cure, look: () => checkListen("api.listen", api.listen, API_SIGN) },
    { name: "listen", cure, look: () => checkListen("api.ops_listen", api.ops_listen, OPS_SIGN) },
    { name: "listen", cure, look: () => checkListen("aggregate.ops_listen", aggregate.ops_listen, OPS_SIGN) },
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
