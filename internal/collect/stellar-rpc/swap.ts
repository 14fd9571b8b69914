import { InvalidMessage } from "../wire.ts";
import type { ContractEvent } from "./event.ts";
import type { ScVal } from "./sc-val.ts";

/** The contracts of a pair's tokens. */
export interface Tokens {
  readonly base: string;
  readonly quote: string;
}

/** What changed hands in a swap, in the tokens' smallest units. */
export interface SwapAmounts {
  readonly base: bigint;
  readonly quote: bigint;
}

/** How the pools of an exchange tell of swaps. */
export interface SwapProtocol {
  readonly name: string;
  /** Filters by topic: of each, all segments have to fit. */
  readonly topics: readonly (readonly string[])[];
  /** Whether a raw event is told of the same swap as the one before it, which the same operation published in the same pool. */
  readonly continues: (entry: unknown) => boolean;
  /** Whether the storage of a pool's instance names its tokens. */
  readonly isHolderOfTokens: boolean;
  /**
   * Reads a swap. Null where it is one of other tokens in a pool of several.
   * @throws InvalidMessage where the events are not what the contract publishes
   */
  readonly amounts: (events: readonly [ContractEvent, ...ContractEvent[]], tokens: Tokens) => SwapAmounts | null;
}

/** Returns what was sold and bought in the pair's orientation; null where these are not the pair's tokens. */
export function oriented(
  { base, quote }: Tokens,
  sold: { readonly token: string; readonly amount: bigint },
  bought: { readonly token: string; readonly amount: bigint },
): SwapAmounts | null {
  if (sold.token === base && bought.token === quote) return { base: sold.amount, quote: bought.amount };
  if (sold.token === quote && bought.token === base) return { base: bought.amount, quote: sold.amount };
  return null;
}

export function amountOf(value: ScVal | undefined, name: string): bigint {
  if (value?.type !== "integer")
    throw new InvalidMessage(`${name} ${value ? `is of type ${value.type}` : "is missing"}`);
  if (value.value < 0n) throw new InvalidMessage(`${name} is ${value.value}, below 0`);
  return value.value;
}

export function tokenOf(value: ScVal | undefined, name: string): string {
  if (value?.type === "address" && value.value !== null) return value.value;
  throw new InvalidMessage(`${name} ${value ? "is no contract" : "is missing"}`);
}

/** Returns the fields of a struct, which contracts publish as a map with symbols as keys. */
export function fieldsOf(value: ScVal): ReadonlyMap<string, ScVal> {
  if (value.type !== "map") throw new InvalidMessage(`value is of type ${value.type}, not a map`);
  return new Map(value.value.map(([key, field]) => [key.type === "text" ? key.value : "", field]));
}
