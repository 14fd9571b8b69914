import { InputError, quoted } from "../canonical/input-error.ts";
import { formatTime, type Micros, parseTime } from "../canonical/time.ts";

/** Formats of databases and languages: `2026-08-09 21:04:35 UTC`, `… +0000`, `… +0000 UTC`, `… Z`, `… +00`. */
const PRINTED = /^(\d{4}-\d\d-\d\d[T ]\S+?) ?(?:([+-]\d\d(?::?\d\d)?)|(?:[+-]00(?::?00)? ?)?(?:UTC|GMT|Z))$/i;
/** Matches a time that names no zone. */
export const WITHOUT_ZONE = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?$/i;
const FRACTION_WITH_COMMA = /:\d\d,\d/;
const MAX_TEXT_LENGTH = 60;
const NUMBER = /^\d{9,20}(?:\.\d*)?$/;

/** Units of numeric timestamps by their maximum number of digits, for times from 1973 to 5138. */
const UNITS = [
  { digits: 11, name: "seconds", perSecond: 1n },
  { digits: 14, name: "milliseconds", perSecond: 1_000n },
  { digits: 17, name: "microseconds", perSecond: 1_000_000n },
  { digits: 20, name: "nanoseconds", perSecond: 1_000_000_000n },
] as const;

/**
 * Parses a time in RFC 3339 ({@link parseTime}) or with a zone in the formats that databases and languages print.
 * @throws InputError that suggests what to write instead
 */
export function readFileTime(text: string): Micros {
  // Fast path for RFC 3339; overlong texts fail there too.
  if ((/[^ ]Z$/.test(text) && !text.includes(",")) || text.length > MAX_TEXT_LENGTH) return parseTime(text);
  const [, moment, offset = "Z"] = PRINTED.exec(text) ?? [];
  if (moment !== undefined && WITHOUT_ZONE.test(moment)) return parseTime(moment + offset);
  const right = suggestionFor(text);
  if (right === null) return parseTime(text);
  throw new InputError(`${quoted(text)} is not a time with a zone; ${right}`);
}

function suggestionFor(text: string): string | null {
  if (WITHOUT_ZONE.test(text)) return `if it is in UTC, write ${text.replace(" ", "T")}Z, or add --zone UTC`;
  if (FRACTION_WITH_COMMA.test(text)) return "its fraction is written with a point, not with a comma";
  if (!NUMBER.test(text)) return null;
  const [whole = "", fraction = ""] = text.split(".");
  const unit = UNITS.find(({ digits }) => whole.length <= digits);
  if (unit === undefined) return null;
  const micros = (BigInt(whole + fraction.padEnd(6, "0").slice(0, 6)) / unit.perSecond) as Micros;
  return `as ${unit.name} since 1970 it is ${formatTime(micros)}: write that`;
}
