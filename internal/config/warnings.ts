import { FX_QUOTE_MAX_AGE } from "../aggregate/floor.ts";
import { DIVERGENCE_TTL_SECONDS } from "../cache/divergence.ts";
import { isFiat } from "../canonical/asset.ts";
import { formatDuration } from "../canonical/duration.ts";
import { MICROS_PER_SECOND } from "../canonical/time.ts";
import { publishedPairs } from "./published-pairs.ts";
import type { Config } from "./schema.ts";

const RATES_REACH_BACK_SECONDS = Number(FX_QUOTE_MAX_AGE / MICROS_PER_SECOND);

/** What can be used and is surely not meant, one sentence each. */
export function warningsAbout(config: Config): string[] {
  return [...shortRetention(config), ...halfChainlink(config), ...gapsOfDivergence(config)];
}

function shortRetention(config: Config): string[] {
  const { database, aggregate } = config;
  const longest = Math.max(...aggregate.windows);
  const { trades } = database.retention;
  const needsRates =
    aggregate.triangulations.length > 0 ||
    publishedPairs(config).some(({ quote }) => isFiat(quote) && quote !== "fiat:USD");
  const rates =
    trades > 0 && trades < RATES_REACH_BACK_SECONDS && needsRates
      ? [
          `database.retention.trades (${formatDuration(trades)}) is shorter than the 168h that rates to USD may be old; pairs in other currencies fail where no rate lies in what is kept`,
        ]
      : [];
  return Object.entries(database.retention)
    .filter(([, kept]) => kept > 0 && kept < longest)
    .map(([table, kept]) => {
      const [short, long] = [formatDuration(kept), formatDuration(longest)];
      return `database.retention.${table} (${short}) is shorter than the longest window (${long}), which then has no value`;
    })
    .concat(rates);
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

/** Not refused, so that an empty rpc_url can turn the feeds off, and the variable with the key may be set elsewhere. */
function halfChainlink({ divergence }: Config): string[] {
  const { rpc_url, feeds } = divergence.chainlink;
  if ((rpc_url === "") === (feeds.length === 0)) return [];
  return rpc_url === ""
    ? ["divergence.chainlink.feeds are not read while divergence.chainlink.rpc_url is empty"]
    : ["divergence.chainlink.rpc_url is never asked while there are no divergence.chainlink.feeds"];
}
