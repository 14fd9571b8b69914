import { Address, nativeToScVal, xdr } from "@stellar/stellar-base";
import { parsePair } from "../../canonical/pair.ts";
import { contractOf, networkPassphrase } from "../../canonical/stellar-contract.ts";
import type { Tokens } from "./swap.ts";

/** What pools publish and store, made with Stellar's own library. */

export type PoolKind = "soroswap" | "aquarius" | "phoenix" | "phoenix-blended";

export const USDC = "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";
export const PAIR = parsePair(`native/${USDC}`);
export const TOKENS: Tokens = tokensOfPair();
/** Any contract serves as pool. */
export const POOL = contractOf(parsePair(`AQUA-${USDC.slice(5)}/native`).base, "a network of pools") ?? "";
const TRADER = USDC.slice(5);

/** A swap in the pair's smallest units, and which of both the trader sold. */
export interface MadeSwap {
  readonly sold: "base" | "quote";
  readonly base: bigint;
  readonly quote: bigint;
}

/** Topics and value of an event in base64, as `getEvents` gives them. */
export interface MadeEvent {
  readonly topic: readonly string[];
  readonly value: string;
}

const symbol = (text: string) => xdr.ScVal.scvSymbol(text);
const string = (text: string) => xdr.ScVal.scvString(text);
const amount = (value: bigint) => nativeToScVal(value, { type: "i128" });
const address = (text: string) => Address.fromString(text).toScVal();
const base64 = (value: xdr.ScVal) => value.toXDR("base64");

/** Returns the events that a pool publishes of a swap. */
export function swapEvents(kind: PoolKind, swap: MadeSwap, { base, quote }: Tokens = TOKENS): MadeEvent[] {
  const [offered, returned] = swap.sold === "base" ? [swap.base, swap.quote] : [swap.quote, swap.base];
  const [sold, bought] = swap.sold === "base" ? [base, quote] : [quote, base];
  if (kind === "aquarius") {
    const value = xdr.ScVal.scvVec([offered, returned, offered / 1000n].map(amount));
    return [event([symbol("trade"), address(sold), address(bought), address(TRADER)], value)];
  }
  if (kind === "soroswap") {
    const isSoldFirst = Buffer.compare(Address.fromString(sold).toBuffer(), Address.fromString(bought).toBuffer()) < 0;
    const [zero, one] = isSoldFirst ? (["0", "1"] as const) : (["1", "0"] as const);
    const fields = { [`amount_${zero}_in`]: offered, [`amount_${zero}_out`]: 0n };
    return [soroswapEvent({ ...fields, [`amount_${one}_in`]: 0n, [`amount_${one}_out`]: returned })];
  }
  const fields: [string, xdr.ScVal][] = [
    ["sender", address(TRADER)],
    ["sell_token", address(sold)],
    ["offer_amount", amount(offered)],
    ["actual received amount", amount(offered)],
    ["buy_token", address(bought)],
    ["return_amount", amount(returned)],
    ["spread_amount", amount(0n)],
    ["referral_fee_amount", amount(0n)],
  ];
  if (kind === "phoenix") return fields.map(([name, value]) => event([string("swap"), string(name)], value));
  return [event([symbol("swap")], struct(fields.map(([name, value]) => [name.replaceAll(" ", "_"), value])))];
}

/** Returns Soroswap's event with the given amounts. */
export function soroswapEvent(amounts: Readonly<Record<string, bigint>>): MadeEvent {
  const fields = Object.entries(amounts).map(([name, value]): [string, xdr.ScVal] => [name, amount(value)]);
  return event([string("SoroswapPair"), symbol("swap")], struct([...fields, ["to", address(TRADER)]]));
}

/** Returns the key and data of the ledger's entry of a pool's instance, in base64. */
export function poolEntry(
  kind: PoolKind,
  pool: string,
  { base, quote }: Tokens = TOKENS,
): { key: string; xdr: string } {
  const [contract, key] = [Address.fromString(pool).toScAddress(), xdr.ScVal.scvLedgerKeyContractInstance()];
  const durability = xdr.ContractDataDurability.persistent();
  const token = (name: string, value: string) => entry(xdr.ScVal.scvVec([symbol(name)]), address(value));
  const storage = {
    soroswap: [base, quote, pool].map((held, index) => entry(xdr.ScVal.scvU32(index), address(held))),
    aquarius: [token("TokenA", base), token("TokenB", quote)],
    phoenix: [],
    "phoenix-blended": [],
  }[kind];
  const executable = xdr.ContractExecutable.contractExecutableWasm(Buffer.alloc(32, 7));
  const val = xdr.ScVal.scvContractInstance(new xdr.ScContractInstance({ executable, storage }));
  const data = new xdr.ContractDataEntry({ ext: new xdr.ExtensionPoint(0), contract, key, durability, val });
  return {
    key: xdr.LedgerKey.contractData(new xdr.LedgerKeyContractData({ contract, key, durability })).toXDR("base64"),
    xdr: xdr.LedgerEntryData.contractData(data).toXDR("base64"),
  };
}

function event(topics: readonly xdr.ScVal[], value: xdr.ScVal): MadeEvent {
  return { topic: topics.map(base64), value: base64(value) };
}

function struct(fields: readonly (readonly [string, xdr.ScVal])[]): xdr.ScVal {
  return xdr.ScVal.scvMap(fields.map(([name, value]) => entry(symbol(name), value)));
}

function entry(key: xdr.ScVal, val: xdr.ScVal): xdr.ScMapEntry {
  return new xdr.ScMapEntry({ key, val });
}

function tokensOfPair(): Tokens {
  const [base, quote] = [PAIR.base, PAIR.quote].map((asset) => contractOf(asset, networkPassphrase("public")) ?? "");
  return { base: base ?? "", quote: quote ?? "" };
}
