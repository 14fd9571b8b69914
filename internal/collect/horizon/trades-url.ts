import { classicParts } from "../../canonical/asset.ts";
import { parsePair } from "../../canonical/pair.ts";
import type { CollectedFeed } from "../feed.ts";

/** Returns the address of a market's trades, which Horizon gives in the orientation of the question. */
export function tradesUrl(
  server: string,
  feed: CollectedFeed | undefined,
  query: Readonly<Record<"cursor" | "order", string> & { readonly limit: number }>,
): URL {
  if (feed === undefined) throw new Error("a stream of Horizon has one market");
  const url = new URL("/trades", server);
  const { base, quote } = parsePair(feed.market);
  for (const [side, asset] of [["base", base] as const, ["counter", quote] as const]) {
    const parts = classicParts(asset);
    url.searchParams.set(`${side}_asset_type`, parts === null ? "native" : assetType(parts.code));
    if (parts !== null) url.searchParams.set(`${side}_asset_code`, parts.code);
    if (parts !== null) url.searchParams.set(`${side}_asset_issuer`, parts.issuer);
  }
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
  return url;
}

function assetType(code: string): string {
  return code.length <= 4 ? "credit_alphanum4" : "credit_alphanum12";
}
