import { InputError } from "../canonical/input-error.ts";
import { formatTime, type Micros, parseTime } from "../canonical/time.ts";
import { quoted } from "./fields.ts";

/** As databases and languages print it: `2026-08-09 21:04:35 UTC`, `… +0000`, `… +0000 UTC`, `… Z`, `… +00`. */
const PRINTED = /^(\d{4}-\d\d-\d\d[T ]\S+?) ?(?:([+-]\d\d(?::?\d\d)?)|(?:[+-]00(?::?00)? ?)?(?:UTC|GMT|Z))$/i;
const WITHOUT_ZONE = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?$/i;
const FRACTION_WITH_COMMA = /:\d\d,\d/;
const LONGEST = 60;
const NUMBER = /^\d{9,20}(?:\.\d*)?$/;

/** What a number of so many digits counts since 1970, for times from 1973 to 5138, and how many of them a second has. */
const UNITS = [
  { digits: 11, name: "seconds", perSecond: 1n },
  { digits: 14, name: "milliseconds", perSecond: 1_000n },
  { digits: 17, name: "microseconds", perSecond: 1_000_000n },
  { digits: 20, name: "nanoseconds", perSecond: 1_000_000_000n },
] as const;

/**
 * The moment that a file writes: as {@link parseTime} reads it, or with the zone as databases and languages print it.
 * @throws InputError with what to write instead
 */
export function readFileTime(text: string): Micros {
  // The usual way at once, and what is too long for any.
  if ((/[^ ]Z$/.test(text) && !text.includes(",")) || text.length > LONGEST) return parseTime(text);
  const [, moment, offset = "Z"] = PRINTED.exec(text) ?? [];
  if (moment !== undefined && WITHOUT_ZONE.test(moment)) return parseTime(moment + offset);
  const right = likelyMeant(text);
  if (right === null) return parseTime(text);
  throw new InputError(`${quoted(text)} is not a time with a zone; ${right}`);
}

function likelyMeant(text: string): string | null {
  if (WITHOUT_ZONE.test(text)) return `if it is in UTC, write ${text.replace(" ", "T")}Z`;
  if (FRACTION_WITH_COMMA.test(text)) return "its fraction is written with a point, not with a comma";
  if (!NUMBER.test(text)) return null;
  const [whole = "", fraction = ""] = text.split(".");
  const unit = UNITS.find(({ digits }) => whole.length <= digits);
  if (unit === undefined) return null;
  const micros = (BigInt(whole + fraction.padEnd(6, "0").slice(0, 6)) / unit.perSecond) as Micros;
  return `as ${unit.name} since 1970 it is ${formatTime(micros)}: write that`;
}
