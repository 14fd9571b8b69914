import { encodeStrkey } from "../../canonical/strkey.ts";
import { InvalidMessage } from "../wire.ts";
import { int32, readXdr, type XdrReader } from "./xdr-reader.ts";

/**
 * A value of a contract (`SCVal` of Stellar-contract.x), as far as events of swaps need it. `integer` stands for each type of number,
 * `text` for strings and symbols, `map` also for the storage of a contract's instance; `address` is a strkey, null for
 * what is neither an account nor a contract; `other` stands for everything else.
 */
export type ScVal =
  | { readonly type: "integer"; readonly value: bigint }
  | { readonly type: "text"; readonly value: string }
  | { readonly type: "address"; readonly value: string | null }
  | { readonly type: "list"; readonly value: readonly ScVal[] }
  | { readonly type: "map"; readonly value: readonly (readonly [key: ScVal, value: ScVal])[] }
  | { readonly type: "other" };

/** Deeper values are refused, as the network does. */
const MOST_DEPTH = 200;
/** The tags of texts, in the order of the enum. */
const TEXT_TAGS = { string: 14, symbol: 15 } as const;
const OTHER: ScVal = { type: "other" };

/** Reads a value from base64. @throws InvalidMessage */
export function readScVal(base64: string): ScVal {
  const reader = readXdr(base64);
  const value = scVal(reader, 0);
  reader.end();
  return value;
}

/** Writes a text as base64, as filters by topic have it. */
export function writeText(type: keyof typeof TEXT_TAGS, text: string): string {
  const bytes = Buffer.from(text);
  const padding = Buffer.alloc((4 - (bytes.length % 4)) % 4);
  return Buffer.concat([int32(TEXT_TAGS[type]), int32(bytes.length), bytes, padding]).toString("base64");
}

/** Reads a value where the reader is. */
export function scVal(reader: XdrReader, depth: number): ScVal {
  if (depth > MOST_DEPTH) throw new InvalidMessage(`is nested deeper than ${MOST_DEPTH} values`);
  const inner = (): ScVal => scVal(reader, depth + 1);
  const entries = () => reader.list(() => [inner(), inner()] as const);
  const integer = (bits: number, isSigned: boolean): ScVal => ({
    type: "integer",
    value: reader.integer(bits, isSigned),
  });
  const skip = (bytes: number): ScVal => {
    reader.fixed(bytes);
    return OTHER;
  };
  const tag = reader.int32();
  switch (tag) {
    case 0: // bool
      return skip(4);
    case 1: // void
    case 20: // the key of an instance
      return OTHER;
    case 2: // error
    case 7: // time point
    case 8: // duration
    case 21: // the key of a nonce
      return skip(8);
    case 3:
      return integer(32, false);
    case 4:
      return integer(32, true);
    case 5:
      return integer(64, false);
    case 6:
      return integer(64, true);
    case 9:
      return integer(128, false);
    case 10:
      return integer(128, true);
    case 11:
      return integer(256, false);
    case 12:
      return integer(256, true);
    case 13: // bytes
      reader.opaque();
      return OTHER;
    case TEXT_TAGS.string:
    case TEXT_TAGS.symbol:
      return { type: "text", value: reader.opaque().toString() };
    case 16:
      return { type: "list", value: reader.optional(() => reader.list(inner)) ?? [] };
    case 17:
      return { type: "map", value: reader.optional(entries) ?? [] };
    case 18:
      return { type: "address", value: address(reader) };
    case 19: // an instance: what it runs, which is its code's hash or that of an asset, and its storage
      if (reader.int32() === 0) reader.fixed(32);
      return { type: "map", value: reader.optional(entries) ?? [] };
    default:
      throw new InvalidMessage(`is a value of the unknown type ${tag}`);
  }
}

/** Reads an `SCAddress`. */
function address(reader: XdrReader): string | null {
  const tag = reader.int32();
  switch (tag) {
    case 0: // an account, by the type and bytes of its key
      reader.int32();
      return encodeStrkey("G", reader.fixed(32));
    case 1:
      return encodeStrkey("C", reader.fixed(32));
    case 2: // a multiplexed account
      reader.fixed(40);
      return null;
    case 3: // a claimable balance
      reader.fixed(36);
      return null;
    case 4: // a classic liquidity pool
      reader.fixed(32);
      return null;
    default:
      throw new InvalidMessage(`is an address of the unknown type ${tag}`);
  }
}
