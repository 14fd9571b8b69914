import { readCheckedEpoch } from "./epoch.ts";
import { InputError, quoted } from "./input-error.ts";
import { formatTime, type Micros, parseTime } from "./time.ts";

// https://github.com/binance/binance-public-data tells of the change of the unit.
const MICROSECONDS_FROM = parseTime("2025-01-01T00:00:00Z");

/**
 * Reads a time of Binance's public files of spot markets: milliseconds before 2025 and microseconds from then on; date and number of digits
 * have to agree.
 * @throws InputError where they do not
 */
export function readBinanceFileTime(text: string): Micros {
  const isMicroseconds = text.length >= 16;
  const time = readCheckedEpoch(text, isMicroseconds ? "us" : "ms");
  if (time >= MICROSECONDS_FROM === isMicroseconds) return time;
  const [unit, rule] = isMicroseconds ? ["us", "milliseconds until 2025"] : ["ms", "microseconds from 2025 on"];
  throw new InputError(
    `${quoted(text)} would be ${formatTime(time)}, but this format has ${rule}; if it is right, add --time-unit ${unit}`,
  );
}
