import { InvalidMessage } from "../wire.ts";

/** Reads XDR (RFC 4506) from its beginning on. Each read throws InvalidMessage where the data ends before. */
export interface XdrReader {
  readonly int32: () => number;
  /** @param bits a multiple of 32; big-endian */
  readonly integer: (bits: number, isSigned: boolean) => bigint;
  /** Bytes of a known length. */
  readonly fixed: (length: number) => Buffer;
  /** Bytes that follow their length. */
  readonly opaque: () => Buffer;
  /** Values that follow their count. */
  readonly list: <T>(read: () => T) => T[];
  /** A value that follows a 1; null where there is a 0. */
  readonly optional: <T>(read: () => T) => T | null;
  /** @throws InvalidMessage where something is left */
  readonly end: () => void;
}

const UNIT = 4;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** @throws InvalidMessage where the text is not base64 */
export function readXdr(base64: string): XdrReader {
  if (!BASE64.test(base64)) throw new InvalidMessage("is not base64");
  const bytes = Buffer.from(base64, "base64");
  let offset = 0;

  function take(length: number): Buffer {
    const padded = length + ((UNIT - (length % UNIT)) % UNIT);
    if (offset + padded > bytes.length) throw new InvalidMessage("is XDR that ends too early");
    const taken = bytes.subarray(offset, offset + length);
    offset += padded;
    return taken;
  }
  const uint32 = (): number => take(UNIT).readUInt32BE();

  return {
    int32: () => take(UNIT).readInt32BE(),
    integer: (bits, isSigned) => {
      const value = BigInt(`0x${take(bits / 8).toString("hex")}`);
      return isSigned ? BigInt.asIntN(bits, value) : value;
    },
    fixed: take,
    opaque: () => take(uint32()),
    list: (read) => {
      const values = [];
      for (let left = uint32(); left > 0; left--) values.push(read());
      return values;
    },
    optional: (read) => {
      const isThere = uint32();
      if (isThere > 1) throw new InvalidMessage("is XDR with neither 0 nor 1 before what may be missing");
      return isThere === 1 ? read() : null;
    },
    end: () => {
      if (offset < bytes.length) throw new InvalidMessage("is XDR with more behind it");
    },
  };
}

/** Returns a number as four bytes, as enums and lengths are written. */
export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(UNIT);
  bytes.writeInt32BE(value);
  return bytes;
}
