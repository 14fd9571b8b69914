import { expect, it } from "vitest";
import { loadConfig } from "../config/load.ts";
import { configuredFeeds } from "./feeds.ts";

const USDC = "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
const POOL = "CC74DXMTNX5PSE43NQJCRW3Z26PXOSY6WPRZR5ZZWPQDIR776YBJY3QP";

const feedsOf = (feed: string, endpoints = "[]") =>
  configuredFeeds(
    loadConfig({ env: { STELLARINDEX_FEEDS: `[{ ${feed} }]`, STELLARINDEX_COLLECT_ENDPOINTS: endpoints } }).config,
  );

it.each([
  ['source = "sdex", pair = "XLM/USD"', "feeds[0].pair: horizon has no market of crypto:XLM; write native"],
  [`source = "soroswap", pair = "native/${USDC}"`, "feeds[0].pair: soroswap has many pools; name those of the pair"],
  [
    `source = "soroswap", pair = "native/${USDC}", market = "${POOL}"`,
    'feeds[0].source: soroswap has no address that is open to everybody; write [[collect.endpoints]] with source = "soroswap"',
  ],
])("a feed that cannot be collected is refused by name: %s", (feed, reason) => {
  expect(() => feedsOf(feed)).toThrow(reason);
});

it("a feed in pools is named by its pair, and its market has both", () => {
  const endpoints = '[{ source = "soroswap", rest = "https://n/key" }]';
  const [feed] = feedsOf(`source = "soroswap", pair = "native/${USDC}", market = "${POOL}"`, endpoints);
  expect(feed?.collected).toMatchObject({
    feed: "soroswap:XLM-USDC.GA5ZSEJYB37J",
    market: `native/${USDC} in ${POOL}`,
  });
});
