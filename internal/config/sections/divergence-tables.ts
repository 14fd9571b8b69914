import { z } from "zod";
import { type Asset, parseAsset } from "../../canonical/asset.ts";
import { InputError } from "../../canonical/input-error.ts";
import { parseTypedAsset } from "../../canonical/known-assets.ts";
import { formatPair, type Pair, parsePair, parseTypedPair } from "../../canonical/pair.ts";
import { readTable, readText, tableField } from "./tables.ts";

/** A pair and the contract address of its Chainlink feed. */
export interface DeclaredFeed {
  readonly pair: Pair;
  readonly address: string;
}

const DEFAULT_IDS: ReadonlyMap<Asset, string> = new Map([
  [parseAsset("XLM"), "stellar"],
  [parseAsset("BTC"), "bitcoin"],
  [parseAsset("ETH"), "ethereum"],
]);

const ID = /^[a-z0-9_.-]{1,128}$/;
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

/** `asset = "id"`; each key overrides the default for that asset, and "" removes it. */
export const idsField = z.codec(tableField, z.custom<ReadonlyMap<Asset, string>>(), {
  decode: (table, context) => {
    const declared = readTable(
      table,
      context,
      parseTypedAsset,
      (id, path) => readText(id, context, path, parseId) ?? "",
    );
    return new Map([...DEFAULT_IDS, ...declared].filter(([asset]) => declared.get(asset) !== ""));
  },
  encode: (ids) => {
    const removed = [...DEFAULT_IDS.keys()].filter((asset) => !ids.has(asset));
    return Object.fromEntries([...removed.map((asset) => [asset, ""] as const), ...ids]);
  },
});

function parseId(text: string): string {
  if (text === "" || ID.test(text)) return text;
  throw new InputError(`${JSON.stringify(text.slice(0, 80))} is not a CoinGecko id`);
}

/** `"base/quote" = "0x…"`. */
export const feedsField = z.codec(tableField, z.custom<readonly DeclaredFeed[]>(), {
  decode: (table, context) => {
    const declared = readTable(
      table,
      context,
      (text) => formatPair(parseTypedPair(text)),
      (address, path) => readText(address, context, path, parseAddress) ?? "",
    );
    return [...declared].map(([pair, address]) => ({ pair: parsePair(pair), address }));
  },
  encode: (feeds) => Object.fromEntries(feeds.map(({ pair, address }) => [formatPair(pair), address])),
});

function parseAddress(text: string): string {
  if (ADDRESS.test(text)) return text;
  throw new InputError(`${JSON.stringify(text.slice(0, 80))} is not the address of a contract`);
}
