import type { Pair } from "../canonical/pair.ts";

/** The channel on which every write is announced. */
export const ANNOUNCEMENTS = "stellarindex:vwap";

/** Says that the value at `key` now covers the bucket that ends at `to` (RFC 3339). */
export interface Announcement {
  readonly key: string;
  readonly to: string;
}

/** The key of a target's value: `vwap:<base>:<quote>:<seconds>`. */
export function vwapKey(pair: Pair, windowSeconds: number): string {
  return `vwap:${pair.base}:${pair.quote}:${windowSeconds}`;
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

/** Reads an announcement; null where the payload is none, since anybody may write to a channel. */
export function parseAnnouncement(payload: string): Announcement | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(payload);
  } catch {
    return null;
  }
  if (typeof parsed !== "object" || parsed === null) return null;
  const { key, to } = parsed as { key?: unknown; to?: unknown };
  return typeof key === "string" && typeof to === "string" ? { key, to } : null;
}
