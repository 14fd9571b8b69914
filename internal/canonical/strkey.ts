const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const VERSION_BYTE = { G: 6 << 3, C: 2 << 3 } as const;

/**
 * Whether `text` is a Stellar key of the given kind (`G` account, `C` contract) with a valid checksum: base32 of version
 * byte, 32 bytes and CRC-16/XMODEM, little-endian (SEP-23).
 */
export function isStrkey(text: string, kind: keyof typeof VERSION_BYTE): boolean {
  if (text.length !== 56 || text[0] !== kind) return false;
  const bytes: number[] = [];
  let bits = 0;
  let pending = 0;
  for (const character of text) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return false;
    pending = (pending << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((pending >> bits) & 0xff);
      pending &= (1 << bits) - 1;
    }
  }
  const low = bytes[33] ?? 0;
  const high = bytes[34] ?? 0;
  return bytes[0] === VERSION_BYTE[kind] && crc16(bytes.slice(0, 33)) === ((high << 8) | low);
}

function crc16(bytes: readonly number[]): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}
