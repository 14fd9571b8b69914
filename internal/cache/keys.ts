import type { Pair } from "../canonical/pair.ts";

/** The channel on which every write is announced. */
export const ANNOUNCEMENTS = "stellarindex:vwap";

/** The channel on which every text that is put is announced, by its key. */
export const PUTS = "stellarindex:put";

/** Says that the value at `key` now covers the bucket that ends at `to` (RFC 3339). */
export interface Announcement {
  readonly key: string;
  readonly to: string;
}

/** The key of a target's value: `vwap:<base>:<quote>:<seconds>`. */
export function vwapKey(pair: Pair, windowSeconds: number): string {
  return `vwap:${pair.base}:${pair.quote}:${windowSeconds}`;
}

/** The key of a target's time-weighted average price: `twap:<base>:<quote>:<seconds>`. */
export function twapKey(pair: Pair, windowSeconds: number): string {
  return `twap:${pair.base}:${pair.quote}:${windowSeconds}`;
}

/** The key of the confidence in a target's value: `conf:<base>:<quote>:<seconds>`. */
export function confidenceKey(pair: Pair, windowSeconds: number): string {
  return `conf:${pair.base}:${pair.quote}:${windowSeconds}`;
}

/** The key of the marker that says where the value at `key` comes from, for people and other tools: `…:provenance`. */
export function provenanceKey(key: string): string {
  return `${key}:provenance`;
}

/** The key of what comparing a pair with references gave: `div:<base>:<quote>`. */
export function divergenceKey(pair: Pair): string {
  return `div:${pair.base}:${pair.quote}`;
}

/** The payload that announces a write. */
export function formatAnnouncement({ key, to }: Announcement): string {
  return JSON.stringify({ key, to });
}

/** The payload that announces a text that was put. */
export function formatPut(key: string): string {
  return JSON.stringify({ key });
}

/** Reads an announcement; null where the payload is none, since anybody may write to a channel. */
export function parseAnnouncement(payload: string): Announcement | null {
  const { key, to } = parseObject(payload);
  return typeof key === "string" && typeof to === "string" ? { key, to } : null;
}

/** Reads which key was put; null where the payload does not say. */
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
