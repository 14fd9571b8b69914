import { Address, nativeToScVal, xdr } from "@stellar/stellar-base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runsOf } from "../../../test/thoroughness.ts";
import { encodeStrkey } from "../../canonical/strkey.ts";
import { InvalidMessage } from "../wire.ts";
import { addressesOfInstance, instanceKey } from "./pools.ts";
import { readScVal, type ScVal, writeText } from "./sc-val.ts";
import { POOL, poolEntry, TOKENS } from "./swap-events.testing.ts";

/** A value as Stellar's library makes it, and as it is to be read. */
type Made = readonly [made: xdr.ScVal, read: ScVal];

const bits = (type: "i32" | "u32" | "i64" | "u64" | "i128" | "u128" | "i256" | "u256"): fc.Arbitrary<Made> => {
  const size = BigInt(type.slice(1));
  const [min, max] = type.startsWith("i") ? [-(2n ** (size - 1n)), 2n ** (size - 1n) - 1n] : [0n, 2n ** size - 1n];
  return fc
    .bigInt({ min, max })
    .map((value) => [nativeToScVal(size === 32n ? Number(value) : value, { type }), { type: "integer", value }]);
};
const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
const other: ScVal = { type: "other" };

const { value: anyValue } = fc.letrec<{ value: Made }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.oneof(
      ...(["i32", "u32", "i64", "u64", "i128", "u128", "i256", "u256"] as const).map(bits),
      fc.string().map((text): Made => [xdr.ScVal.scvString(text), { type: "text", value: text }]),
      fc.stringMatching(/^\w{0,32}$/).map((text): Made => [xdr.ScVal.scvSymbol(text), { type: "text", value: text }]),
      fc.tuple(key, fc.constantFrom("C" as const, "G" as const)).map(([bytes, kind]): Made => {
        const value = encodeStrkey(kind, bytes);
        return [Address.fromString(value).toScVal(), { type: "address", value }];
      }),
      fc.boolean().map((value): Made => [xdr.ScVal.scvBool(value), other]),
      fc.constant<Made>([xdr.ScVal.scvVoid(), other]),
      fc.uint8Array({ maxLength: 9 }).map((bytes): Made => [xdr.ScVal.scvBytes(Buffer.from(bytes)), other]),
      fc.nat().map((code): Made => [xdr.ScVal.scvError(xdr.ScError.sceContract(code)), other]),
      fc.nat().map((time): Made => [xdr.ScVal.scvTimepoint(xdr.Uint64.fromString(String(time))), other]),
    ),
    fc
      .array(tie("value"), { maxLength: 4 })
      .map(
        (items): Made => [
          xdr.ScVal.scvVec(items.map(([made]) => made)),
          { type: "list", value: items.map(([, read]) => read) },
        ],
      ),
    fc
      .array(fc.tuple(tie("value"), tie("value")), { maxLength: 3 })
      .map(
        (items): Made => [
          xdr.ScVal.scvMap(items.map(([[name], [val]]) => new xdr.ScMapEntry({ key: name, val }))),
          { type: "map", value: items.map(([[, name], [, val]]) => [name, val] as const) },
        ],
      ),
  ),
}));

describe("a value of a contract", () => {
  it("is read as Stellar's library writes it", () => {
    fc.assert(
      fc.property(anyValue, ([made, read]) => {
        expect(readScVal(made.toXDR("base64"))).toEqual(read);
      }),
      { numRuns: runsOf(500) },
    );
  });

  it("that is cut, longer, or not XDR at all is refused, whatever its bytes are", () => {
    fc.assert(
      fc.property(anyValue, fc.nat(), ([made], at) => {
        const bytes = made.toXDR();
        const cut = bytes.subarray(0, at % bytes.length).toString("base64");
        expect(() => readScVal(cut)).toThrow("is XDR that ends too early");
        expect(() => readScVal(Buffer.concat([bytes, Buffer.alloc(4)]).toString("base64"))).toThrow("more behind it");
      }),
      { numRuns: runsOf(200) },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          readScVal(Buffer.from(bytes).toString("base64"));
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidMessage);
        }
      }),
      { numRuns: runsOf(500) },
    );
    expect(() => readScVal("not base64")).toThrow("is not base64");
    const deep = Buffer.concat(Array.from({ length: 5000 }, () => Buffer.from("000000100000000100000001", "hex")));
    expect(() => readScVal(deep.toString("base64"))).toThrow("is nested deeper than 200 values");
  });

  it("that is a text is written as Stellar's library writes it", () => {
    for (const text of ["", "a", "swap", "SoroswapPair", "actual received amount"]) {
      expect(writeText("string", text)).toBe(xdr.ScVal.scvString(text).toXDR("base64"));
      expect(writeText("symbol", text)).toBe(xdr.ScVal.scvSymbol(text).toXDR("base64"));
    }
  });
});

describe("a pool's instance", () => {
  it("has the key that the network gives it, and tells the tokens that it holds", () => {
    for (const kind of ["soroswap", "aquarius"] as const) {
      const { key: made, xdr: data } = poolEntry(kind, POOL);
      expect(instanceKey(POOL)).toBe(made);
      expect([...addressesOfInstance(data)]).toEqual(expect.arrayContaining([TOKENS.base, TOKENS.quote]));
    }
    expect([...addressesOfInstance(poolEntry("phoenix", POOL).xdr)]).toEqual([]);
  });
});
