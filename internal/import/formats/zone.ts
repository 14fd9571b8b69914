import { InputError, quoted } from "../../canonical/input-error.ts";
import { floorTo, type Micros, parseTime, seconds } from "../../canonical/time.ts";

/** A time zone: returns the time of a local one. Throws InputError where that occurs twice or never. */
export type Zone = (local: string) => Micros;

const OFFSET = /^(?:(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?|UTC|GMT|Z)$/i;
const DAY = seconds(86_400);
/** Zones change their offset at a multiple of this. */
const STEP = seconds(900);

/**
 * Parses a zone: `UTC`, an offset such as `+02:00`, or a name of the IANA database such as `Europe/Berlin`.
 * @throws InputError where the text is none of them
 */
export function parseZone(text: string): Zone {
  const match = OFFSET.exec(text);
  if (match !== null) {
    const [, sign = "+", hours = "0", minutes = "0"] = match;
    if (Number(hours) > 23 || Number(minutes) > 59) throw unknownZone(text);
    const offset = seconds((Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -60 : 60));
    return (local) => asUtc(local) - offset;
  }
  return namedZone(text);
}

function namedZone(name: string): Zone {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      hourCycle: "h23",
      era: "short",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch {
    throw unknownZone(name);
  }
  const offsetAt = (time: Micros): Micros => offsetOf(format, time);
  let known: { readonly from: Micros; readonly offsets: readonly Micros[] } | null = null;
  return (local) => {
    const wall = asUtc(local);
    const from = floorTo(wall, STEP);
    if (known === null || known.from !== from) known = { from, offsets: offsetsOf(from, offsetAt) };
    const [offset, another] = known.offsets;
    if (offset === undefined)
      throw new InputError(`${quoted(local)} does not exist in ${name}: clocks were put forward`);
    if (another !== undefined) {
      throw new InputError(
        `${quoted(local)} occurs twice in ${name}, as clocks were put back: write it with its offset`,
      );
    }
    return wall - offset;
  };
}

/** Returns the offsets that a local time may have: none, one or two. */
function offsetsOf(wall: Micros, offsetAt: (time: Micros) => Micros): Micros[] {
  const near = new Set([offsetAt(wall - DAY), offsetAt(wall + DAY)]);
  return [...near].filter((offset) => offsetAt(wall - offset) === offset);
}

function offsetOf(format: Intl.DateTimeFormat, time: Micros): Micros {
  const parts = new Map(format.formatToParts(Number(time / 1000n)).map(({ type, value }) => [type, value]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type));
  const wall = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
  return BigInt(wall) * 1000n - floorTo(time, seconds(1));
}

/** Reads a local time as if it were in UTC. */
function asUtc(local: string): Micros {
  return parseTime(`${local}Z`);
}

function unknownZone(text: string): InputError {
  return new InputError(
    `${quoted(text)} is not a zone; write UTC, an offset such as +02:00, or a name such as Europe/Berlin`,
  );
}
