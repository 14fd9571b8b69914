import { decodeStrkey } from "../../canonical/strkey.ts";
import type { VenueGet } from "../connector.ts";
import type { CollectedFeed, Endpoint } from "../feed.ts";
import { InvalidMessage, listField, textField } from "../wire.ts";
import { poolsOf, tokensOf } from "./market.ts";
import { callRpc, resultOf } from "./rpc.ts";
import { type ScVal, scVal } from "./sc-val.ts";
import type { SwapProtocol } from "./swap.ts";
import { int32, readXdr } from "./xdr-reader.ts";

/** Enum constants of Stellar's XDR. */
const CONTRACT_DATA = 6;
const CONTRACT_ADDRESS = 1;
const INSTANCE_KEY = 20;
const PERSISTENT = 1;

/**
 * Asks the node for the pools of feeds. Returns, by market, why one cannot be collected: a pool does not exist, or does not hold the
 * pair's tokens, where its instance names these.
 */
export async function refusedMarkets(
  get: VenueGet,
  endpoint: Endpoint,
  { isHolderOfTokens }: SwapProtocol,
  feeds: readonly CollectedFeed[],
): Promise<ReadonlyMap<string, string>> {
  const keys = new Map(feeds.flatMap(poolsOf).map((pool) => [instanceKey(pool), pool]));
  const text = await callRpc(get, endpoint, "getLedgerEntries", { keys: [...keys.keys()] });
  const tokens = new Map<string, ReadonlySet<string>>();
  for (const entry of listField(resultOf(text, "getLedgerEntries"), "entries")) {
    const pool = keys.get(textField(entry, "key"));
    if (pool !== undefined) tokens.set(pool, addressesOfInstance(textField(entry, "xdr")));
  }
  const refused = new Map<string, string>();
  for (const feed of feeds) {
    const { base, quote } = tokensOf(feed);
    for (const pool of poolsOf(feed)) {
      const held = tokens.get(pool);
      if (held === undefined) refused.set(feed.market, `the network has no contract ${pool}`);
      else if (isHolderOfTokens && !(held.has(base) && held.has(quote))) {
        refused.set(feed.market, `the pool ${pool} does not hold ${base} and ${quote}, the tokens of the pair`);
      }
    }
  }
  return refused;
}

/** Returns the XDR of the `LedgerKey` of a contract's instance, in base64. */
export function instanceKey(contract: string): string {
  const id = decodeStrkey(contract, "C");
  if (id === null) throw new InvalidMessage(`${contract} is no contract`);
  return Buffer.concat([
    ...[int32(CONTRACT_DATA), int32(CONTRACT_ADDRESS), id],
    ...[int32(INSTANCE_KEY), int32(PERSISTENT)],
  ]).toString("base64");
}

/** Reads the `LedgerEntryData` of a contract's instance. Returns the addresses in its storage. @throws InvalidMessage */
export function addressesOfInstance(base64: string): ReadonlySet<string> {
  const reader = readXdr(base64);
  if (reader.int32() !== CONTRACT_DATA) throw new InvalidMessage("xdr is no entry of a contract");
  // An extension point, the contract, which is an address, the key, and how long it is kept.
  reader.int32();
  reader.int32();
  reader.fixed(32);
  scVal(reader, 0);
  reader.int32();
  const storage = scVal(reader, 0);
  reader.end();
  return new Set(addressesIn(storage));
}

function addressesIn(value: ScVal): readonly string[] {
  if (value.type === "address") return value.value === null ? [] : [value.value];
  if (value.type === "list") return value.value.flatMap(addressesIn);
  return value.type === "map" ? value.value.flatMap(([, each]) => addressesIn(each)) : [];
}
