import { z } from "zod";
import type { Asset } from "../../canonical/asset.ts";
import { parseDuration } from "../../canonical/duration.ts";
import { InputError } from "../../canonical/input-error.ts";
import { parseTypedAsset } from "../../canonical/known-assets.ts";
import { type IssueSink, readOr, unlessRefused } from "./fields.ts";

const MAX_ENTRIES = 1000;

/** A table whose keys the operator chooses. Its values are not typed, so that one of a wrong type does not hide other problems. */
export const tableField = z.record(z.string(), z.unknown());

/** Reads every entry of a table; reports keys that mean the same, and too many entries, as issues. */
export function readTable<K extends string, V>(
  table: Readonly<Record<string, unknown>>,
  context: IssueSink,
  readKey: (text: string) => K,
  readValue: (value: unknown, path: [string], key: K) => V,
): Map<K, V> {
  const read = new Map<K, V>();
  const entries = Object.entries(table);
  if (entries.length > MAX_ENTRIES) report(context, [], table, `has ${entries.length} entries`);
  for (const [text, value] of entries) {
    const key = readOr(() => readKey(text), text, context, [text]);
    if (key === null) continue;
    if (read.has(key)) report(context, [text], text, `names ${key} a second time`);
    read.set(key, readValue(value, [text], key));
  }
  return read;
}

export function readAsset(value: unknown, context: IssueSink, path: PropertyKey[]): Asset | null {
  return readText(value, context, path, parseListedAsset);
}

/** Parses an asset and refuses durations: a misplaced window such as `5m` would be a valid code. */
function parseListedAsset(text: string): Asset {
  const duration = unlessRefused(
    () => parseDuration(text),
    () => {},
  );
  if (duration === null) return parseTypedAsset(text);
  throw new InputError(
    `${JSON.stringify(text)} is a duration, not an asset; write a window below [aggregate], and a token as crypto:${text}`,
  );
}

/** Returns the result of `read`; reports an issue and returns null if it throws an InputError or the value is no text. */
export function readText<T>(
  value: unknown,
  context: IssueSink,
  path: PropertyKey[],
  read: (text: string) => T,
): T | null {
  if (typeof value === "string") return readOr(() => read(value), value, context, path);
  context.issues.push({ code: "invalid_type", expected: "string", input: value, path });
  return null;
}

export function report(context: IssueSink, path: PropertyKey[], input: unknown, message: string): void {
  context.issues.push({ code: "custom", message, input, path });
}
