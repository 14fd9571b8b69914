import { crc32 } from "node:zlib";
import type { Micros } from "../../canonical/time.ts";

/** A record: bytes of a kind that only its reader understands. */
export interface JournalRecord {
  /** From 0 to 65535. */
  readonly kind: number;
  readonly payload: Uint8Array;
}

/** Records that were written and synced together; they become durable as a whole or not at all. */
export interface Frame {
  /** The sequence number of its first record. */
  readonly first: number;
  /** When it was written. */
  readonly time: Micros;
  readonly count: number;
  /** In bytes, header included. */
  readonly length: number;
}

/** The length of a frame's header. */
export const HEADER_BYTES = 32;
const RECORD_HEADER_BYTES = 6;
const MAGIC = Buffer.from("SIJ1", "latin1");
/** More than any frame that is written, so that a damaged length is not believed. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

// Header, little-endian: magic (4), length of the body (4), first sequence number (8), time in microseconds (8), number of
// records (4), CRC-32 (4) of the header before it and of the body. The body has, for each record, its kind (2), the length
// of its payload (4) and the payload.

/** Returns the bytes that records take in a frame. */
export function frameBytes(records: readonly JournalRecord[]): number {
  return records.reduce((sum, { payload }) => sum + RECORD_HEADER_BYTES + payload.length, HEADER_BYTES);
}

export function encodeFrame(first: number, time: Micros, records: readonly JournalRecord[]): Buffer {
  const frame = Buffer.alloc(frameBytes(records));
  MAGIC.copy(frame);
  frame.writeUInt32LE(frame.length - HEADER_BYTES, 4);
  frame.writeBigUInt64LE(BigInt(first), 8);
  frame.writeBigInt64LE(time, 16);
  frame.writeUInt32LE(records.length, 24);
  let at = HEADER_BYTES;
  for (const { kind, payload } of records) {
    frame.writeUInt16LE(kind, at);
    frame.writeUInt32LE(payload.length, at + 2);
    frame.set(payload, at + RECORD_HEADER_BYTES);
    at += RECORD_HEADER_BYTES + payload.length;
  }
  frame.writeUInt32LE(checksum(frame), 28);
  return frame;
}

/** Returns the length of the frame that a header announces; null where it is no header. */
export function announcedLength(header: Buffer): number | null {
  if (header.length < HEADER_BYTES || !header.subarray(0, 4).equals(MAGIC)) return null;
  const body = header.readUInt32LE(4);
  return body > MAX_BODY_BYTES ? null : HEADER_BYTES + body;
}

/** Returns the frame at an offset; null where there is no whole frame with the right checksum. */
export function frameAt(bytes: Buffer, offset: number): Frame | null {
  const length = announcedLength(bytes.subarray(offset, offset + HEADER_BYTES));
  if (length === null || offset + length > bytes.length) return null;
  const frame = bytes.subarray(offset, offset + length);
  if (frame.readUInt32LE(28) !== checksum(frame)) return null;
  return {
    first: Number(frame.readBigUInt64LE(8)),
    time: frame.readBigInt64LE(16),
    count: frame.readUInt32LE(24),
    length,
  };
}

/** Returns the records of a frame whose checksum was right; the payloads share its memory. */
export function recordsOf(frame: Buffer): JournalRecord[] {
  const records: JournalRecord[] = [];
  for (let at = HEADER_BYTES; at < frame.length; ) {
    const end = at + RECORD_HEADER_BYTES + frame.readUInt32LE(at + 2);
    records.push({ kind: frame.readUInt16LE(at), payload: frame.subarray(at + RECORD_HEADER_BYTES, end) });
    at = end;
  }
  return records;
}

/** Returns whether a frame with a later sequence number begins anywhere after an offset. */
export function hasLaterFrame(bytes: Buffer, offset: number, sequence: number): boolean {
  for (let at = bytes.indexOf(MAGIC, offset + 1); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    const frame = frameAt(bytes, at);
    if (frame !== null && frame.first > sequence) return true;
  }
  return false;
}

function checksum(frame: Buffer): number {
  return crc32(frame.subarray(HEADER_BYTES), crc32(frame.subarray(0, 28)));
}
