import { InputError } from "./input-error.ts";
import type { Micros } from "./time.ts";

const NANOS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
};
const PART = /(\d+)(?:\.(\d+))?(ns|us|µs|μs|ms|s|m|h|d|w)/y;

/**
 * Parses a Go `time.Duration` string, such as `90s`, `5m`, `1h30m` or `1.5h`, with two more units: `d` (24 hours) and
 * `w` (7 days).
 * @returns microseconds, never negative
 * @throws InputError where the text is not a duration, is negative, or is finer than a microsecond
 */
export function parseDuration(text: string): Micros {
  const refuse = (why: string): never => {
    throw new InputError(`${JSON.stringify(text.slice(0, 60))} ${why}, such as 90s, 5m, 1h30m or 24h`);
  };
  if (text === "0") return 0n;
  let nanos = 0n;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const match = PART.exec(text);
    if (match === null) return refuse("is not a duration");
    const [, whole = "", fraction = "", unit = ""] = match;
    const scaled = BigInt(whole + fraction) * (NANOS[unit] ?? 0n);
    const divisor = 10n ** BigInt(fraction.length);
    if (scaled % divisor !== 0n) return refuse("is finer than a nanosecond; use a duration");
    nanos += scaled / divisor;
  }
  if (text === "") return refuse("is not a duration");
  if (nanos % 1000n !== 0n) return refuse("is finer than a microsecond; use a duration");
  return nanos / 1000n;
}

/** Formats whole seconds as the shortest duration of hours, minutes and seconds: 300 → `5m`, 5400 → `1h30m`. */
export function formatDuration(totalSeconds: number): string {
  const hours = Math.floor(totalSeconds / 3600);
  const minutes = Math.floor((totalSeconds % 3600) / 60);
  const rest = totalSeconds % 60;
  const text = `${hours > 0 ? `${hours}h` : ""}${minutes > 0 ? `${minutes}m` : ""}${rest > 0 ? `${rest}s` : ""}`;
  return text === "" ? "0s" : text;
}
