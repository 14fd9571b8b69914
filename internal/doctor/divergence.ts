import type { Config } from "../config/schema.ts";
import { type Finding, ok, skipped } from "./finding.ts";

/** Which references are configured. None is asked: they limit how often they may be. */
export function checkDivergence({ divergence }: Config): Finding {
  const { coingecko, chainlink, min_references } = divergence;
  const outside = [
    ...(coingecko.enabled ? [`CoinGecko at ${new URL(coingecko.url).host}`] : []),
    ...(chainlink.rpc_url !== "" && chainlink.feeds.length > 0
      ? [`${chainlink.feeds.length} Chainlink feeds at ${new URL(chainlink.rpc_url).host}`]
      : []),
  ];
  if (outside.length === 0) return skipped("no reference outside is configured, so none has to be reachable");
  return ok(
    `${outside.join(", ")}; ${min_references} references must answer. They were not asked, as they limit requests: ` +
      "stellarindex_divergence_reference_failures_total of the aggregator tells",
  );
}
