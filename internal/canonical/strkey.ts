const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const VERSION_BYTE = { G: 6 << 3, C: 2 << 3 } as const;
/** Length of every key in characters. */
export const STRKEY_LENGTH = 56;
const KEY_BYTES = 32;

/** The type of a Stellar key: `G` an account, `C` a contract. */
export type KeyKind = keyof typeof VERSION_BYTE;

/** Returns whether `text` is a Stellar key of the given kind with a valid checksum. */
export function isStrkey(text: string, kind: KeyKind): boolean {
  return decodeStrkey(text, kind) !== null;
}

/**
 * Decodes the 32 bytes of a Stellar key: base32 of version byte, key and CRC-16/XMODEM, little-endian (SEP-23). Null
 * where the text is not a key of this kind.
 */
export function decodeStrkey(text: string, kind: KeyKind): Buffer | null {
  if (text.length !== STRKEY_LENGTH || text[0] !== kind) return null;
  const bytes = fromBase32(text);
  if (bytes === null || bytes[0] !== VERSION_BYTE[kind]) return null;
  const end = 1 + KEY_BYTES;
  return crc16(bytes.subarray(0, end)) === bytes.readUInt16LE(end) ? bytes.subarray(1, end) : null;
}

/** Encodes a key of 32 bytes. */
export function encodeStrkey(kind: KeyKind, key: Buffer): string {
  const versioned = Buffer.concat([Buffer.of(VERSION_BYTE[kind]), key]);
  const checksum = Buffer.alloc(2);
  checksum.writeUInt16LE(crc16(versioned));
  return toBase32(Buffer.concat([versioned, checksum]));
}

/** 35 bytes are exactly 56 base32 digits, so that there are no padding bits to check. */
function fromBase32(text: string): Buffer | null {
  const bytes = Buffer.alloc((STRKEY_LENGTH * 5) / 8);
  let bits = 0;
  let pending = 0;
  let length = 0;
  for (const character of text) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return null;
    pending = (pending << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = pending >> bits;
      pending &= (1 << bits) - 1;
    }
  }
  return bytes;
}

function toBase32(bytes: Buffer): string {
  let text = "";
  let bits = 0;
  let pending = 0;
  for (const byte of bytes) {
    pending = (pending << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[pending >> bits];
      pending &= (1 << bits) - 1;
    }
  }
  return text;
}

function crc16(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}
