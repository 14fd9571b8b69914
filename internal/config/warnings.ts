import { HOURS_WITHIN } from "../aggregate/recent-price.ts";
import { DIVERGENCE_TTL_SECONDS } from "../cache/divergence.ts";
import { formatDuration } from "../canonical/duration.ts";
import { MICROS_PER_SECOND } from "../canonical/time.ts";
import { formatListen, isLoopback } from "./fields.ts";
import { ineffectiveRules } from "./ineffective.ts";
import { divergenceGaps } from "./references.ts";
import { tooShort } from "./retention.ts";
import type { Config } from "./schema.ts";

/** What can be used and is surely not meant, one sentence each. */
export function warningsAbout(config: Config): string[] {
  return [
    ...shortRetention(config),
    ...shortMemory(config),
    ...halfChainlink(config),
    ...gapsOfDivergence(config),
    ...divergenceGaps(config),
    ...ineffectiveRules(config),
    ...openToAll(config),
  ];
}

function shortRetention(config: Config): string[] {
  const { retention } = config.database;
  return tooShort(retention, config).map(
    ({ table, reason }) => `database.retention.${table} (${formatDuration(retention[table])}) ${reason}`,
  );
}

/** Pairs that trade each hour never notice. */
function shortMemory({ database, aggregate }: Config): string[] {
  const kept = database.retention.trades_1h;
  const needed = Math.max(...aggregate.windows) + Number(HOURS_WITHIN / MICROS_PER_SECOND);
  if (aggregate.guard_factor === 0 || kept === 0 || kept >= needed) return [];
  return [
    `database.retention.trades_1h (${formatDuration(kept)}) is shorter than the ${formatDuration(needed)} in which the guard looks for the last five hours with trades; pairs that traded in fewer hours of what is kept fail`,
  ];
}

function gapsOfDivergence({ divergence, aggregate }: Config): string[] {
  const step = aggregate.interval_seconds;
  // Checks begin at ticks.
  const every = Math.ceil(divergence.min_interval_seconds / step) * step;
  return every <= DIVERGENCE_TTL_SECONDS
    ? []
    : [
        `divergence.min_interval_seconds (${divergence.min_interval_seconds}) and aggregate.interval_seconds (${step}) make a check every ${every} s; its outcome stands for ${DIVERGENCE_TTL_SECONDS} s, and after that the pair counts as not checked`,
      ];
}

/** Others than this machine can ask as often as they like. */
function openToAll({ api }: Config): string[] {
  const { listen, rate_limit_per_minute, require_key } = api;
  if (rate_limit_per_minute > 0 || require_key || isLoopback(listen.host)) return [];
  return [
    `api.listen (${formatListen(listen)}) can be reached from other machines, and api.rate_limit_per_minute is 0: any of them may ask as often as it likes`,
  ];
}

/** Not refused, so that an empty rpc_url can turn the feeds off, and the variable with the key may be set elsewhere. */
function halfChainlink({ divergence }: Config): string[] {
  const { rpc_url, feeds } = divergence.chainlink;
  if ((rpc_url === "") === (feeds.length === 0)) return [];
  return rpc_url === ""
    ? ["divergence.chainlink.feeds are not read while divergence.chainlink.rpc_url is empty"]
    : ["divergence.chainlink.rpc_url is never asked while there are no divergence.chainlink.feeds"];
}
