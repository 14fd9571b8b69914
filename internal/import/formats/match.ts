import type { Format } from "./format.ts";
import type { Given } from "./given.ts";
import { FORMATS, formatNamed } from "./list.ts";

/** Returns a column's name without case, blanks, dashes and underscores: `isBuyerMaker` is `is_buyer_maker`. */
export function plainName(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_-]/g, "");
}

/** Returns whether names of columns or keys are those of a format. */
export function hasKeys({ keys, without = [] }: Format, present: readonly string[]): boolean {
  const names = new Set(present.map(plainName));
  return keys.every((key) => names.has(plainName(key))) && !without.some((key) => names.has(plainName(key)));
}

/** Returns whether values look like a row of a format without a header. */
export function isRow({ headerless }: Format, values: readonly string[]): boolean {
  return (
    headerless !== undefined &&
    headerless.length === values.length &&
    headerless.every(([, shape], place) => shape.test((values[place] ?? "").trim()))
  );
}

/** Returns the formats that come into question: the given one, or all. */
export function candidates({ format }: Given): readonly Format[] {
  if (format === undefined) return FORMATS;
  const named = formatNamed(format);
  return named === undefined ? [] : [named];
}

/**
 * Returns the formats, of several that look alike, that the name of the file or the given source tells; all of them
 * where nothing tells one.
 */
export function told(formats: readonly Format[], names: readonly string[], { source }: Given): readonly Format[] {
  if (formats.length < 2) return formats;
  const byName = formats.filter((format) => names.some((name) => format.pair?.inName?.(name) !== undefined));
  if (byName.length > 0) return byName;
  if (source === undefined) return formats;
  const ofSource = formats.filter((format) => format.source.always === source);
  return ofSource.length > 0 ? ofSource : formats.filter((format) => format.source.always === undefined);
}
