import type { Pair } from "../canonical/pair.ts";

/** The channel on which every write is announced. */
export const ANNOUNCEMENTS = "stellarindex:vwap";

/** The channel on which every put text is announced, by its key. */
export const PUTS = "stellarindex:put";

/** The value at `key` now covers the bucket that ends at `to` (RFC 3339). */
export interface Announcement {
  readonly key: string;
  readonly to: string;
}

/** Returns the key of a target's value: `vwap:<base>:<quote>:<seconds>`. */
export function vwapKey(pair: Pair, windowSeconds: number): string {
  return `vwap:${pair.base}:${pair.quote}:${windowSeconds}`;
}

/** Returns the key of a target's time-weighted average price: `twap:<base>:<quote>:<seconds>`. */
export function twapKey(pair: Pair, windowSeconds: number): string {
  return `twap:${pair.base}:${pair.quote}:${windowSeconds}`;
}

/** Returns the key of the confidence in a target's value: `conf:<base>:<quote>:<seconds>`. */
export function confidenceKey(pair: Pair, windowSeconds: number): string {
  return `conf:${pair.base}:${pair.quote}:${windowSeconds}`;
}

/** Returns the key of why a target has no value at a boundary: `withheld:<base>:<quote>:<seconds>`. */
export function withheldKey(pair: Pair, windowSeconds: number): string {
  return `withheld:${pair.base}:${pair.quote}:${windowSeconds}`;
}

/** Returns the key of the provenance marker of the value at `key`, for people and other tools: `…:provenance`. */
export function provenanceKey(key: string): string {
  return `${key}:provenance`;
}

/** Returns the key of a pair's comparison with references: `div:<base>:<quote>`. */
export function divergenceKey(pair: Pair): string {
  return `div:${pair.base}:${pair.quote}`;
}

/** Returns the payload that announces a write. */
export function formatAnnouncement({ key, to }: Announcement): string {
  return JSON.stringify({ key, to });
}

/** Returns the payload that announces a put text. */
export function formatPut(key: string): string {
  return JSON.stringify({ key });
}

/** Parses an announcement; null for other payloads, since anybody may write to a channel. */
export function parseAnnouncement(payload: string): Announcement | null {
  const { key, to } = parseObject(payload);
  return typeof key === "string" && typeof to === "string" ? { key, to } : null;
}

/** Parses the key of a put text; null for other payloads. */
export function parsePut(payload: string): string | null {
  const { key } = parseObject(payload);
  return typeof key === "string" ? key : null;
}

function parseObject(payload: string): { key?: unknown; to?: unknown } {
  try {
    return JSON.parse(payload) ?? {};
  } catch {
    return {};
  }
}
