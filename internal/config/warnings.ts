import { DIVERGENCE_TTL_SECONDS } from "../cache/divergence.ts";
import { formatDuration } from "../canonical/duration.ts";
import { MICROS_PER_SECOND } from "../canonical/time.ts";
import { HOURS_LOOKBACK } from "../policy/recent-price.ts";
import { ineffectiveRules } from "./ineffective.ts";
import { divergenceGaps } from "./references.ts";
import type { Config } from "./schema.ts";
import { formatListen, isLoopback } from "./sections/fields.ts";
import { insufficientRetention } from "./sections/retention.ts";

/** Returns a warning, one sentence each, for every setting that is valid but probably a mistake. */
export function warningsAbout(config: Config): string[] {
  return [
    ...shortRetention(config),
    ...shortGuardHistory(config),
    ...incompleteChainlink(config),
    ...expiringChecks(config),
    ...divergenceGaps(config),
    ...ineffectiveRules(config),
    ...unlimitedListener(config),
  ];
}

function shortRetention(config: Config): string[] {
  const { retention } = config.database;
  return insufficientRetention(retention, config).map(
    ({ table, reason }) =>
      `database.retention.${table} (${formatDuration(retention[table])}) ${reason}. Raise it, or set 0 to keep the rows for ever`,
  );
}

/** A retention of hour rollups that is too short for the guard; pairs that trade each hour are not affected. */
function shortGuardHistory({ database, aggregate }: Config): string[] {
  const kept = database.retention.trades_1h;
  const needed = Math.max(...aggregate.windows) + Number(HOURS_LOOKBACK / MICROS_PER_SECOND);
  if (aggregate.guard_factor === 0 || kept === 0 || kept >= needed) return [];
  return [
    `database.retention.trades_1h (${formatDuration(kept)}) is shorter than the ${formatDuration(needed)} in which the guard searches for the last five hours with trades; pairs with fewer such hours in what is kept get no value. Raise it, or set 0 to keep the rows for ever`,
  ];
}

function expiringChecks({ divergence, aggregate }: Config): string[] {
  const step = aggregate.interval_seconds;
  // Comparisons begin at ticks.
  const every = Math.ceil(divergence.min_interval_seconds / step) * step;
  return every <= DIVERGENCE_TTL_SECONDS
    ? []
    : [
        `divergence.min_interval_seconds (${divergence.min_interval_seconds}) and aggregate.interval_seconds (${step}) run a check every ${every} s, but its result expires after ${DIVERGENCE_TTL_SECONDS} s, and the pair is then reported as not checked. Lower min_interval_seconds`,
      ];
}

/** A public listener that neither limits rates nor requires keys. */
function unlimitedListener({ api }: Config): string[] {
  const { listen, rate_limit_per_minute, require_key } = api;
  if (rate_limit_per_minute > 0 || require_key || isLoopback(listen.host)) return [];
  return [
    `api.listen (${formatListen(listen)}) accepts requests from other machines, and api.rate_limit_per_minute is 0 (no limit). Set a rate limit, or require_key`,
  ];
}

/** Only a warning: an empty rpc_url may switch the feeds off on purpose, and a variable may supply the URL later. */
function incompleteChainlink({ divergence }: Config): string[] {
  const { rpc_url, feeds } = divergence.chainlink;
  if ((rpc_url === "") === (feeds.length === 0)) return [];
  return rpc_url === ""
    ? ["divergence.chainlink.feeds has no effect while divergence.chainlink.rpc_url is empty; set rpc_url"]
    : ["divergence.chainlink.rpc_url has no effect while divergence.chainlink.feeds is empty; add feeds"];
}
