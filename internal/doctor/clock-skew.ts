import { type Finding, ok, warning, wrong } from "./finding.ts";

/** The measured offset of another clock, in milliseconds. */
export interface ClockReading {
  /** Offset of the other clock; negative if it is behind. */
  readonly aheadMs: number;
  /** Largest error of the offset: half of the round trip. */
  readonly uncertainMs: number;
}

const READINGS = 5;

/**
 * Measures the offset of another clock by Cristian's algorithm: of several readings, the one with the shortest round
 * trip counts. The clock was read at some time of the round trip, so its middle is wrong by half of it at most.
 * @param read the other clock, ms since the epoch
 * @param now this machine's clock, ms since the epoch
 */
export async function readClock(read: () => Promise<number>, now: () => number = Date.now): Promise<ClockReading> {
  const readings: ClockReading[] = [];
  for (let count = 0; count < READINGS; count++) {
    const before = now();
    const other = await read();
    const after = now();
    readings.push({ aheadMs: other - (before + after) / 2, uncertainMs: (after - before) / 2 });
  }
  return readings.reduce((best, each) => (each.uncertainMs < best.uncertainMs ? each : best));
}

/**
 * Judges a clock's offset. Buckets close `settleSeconds` after their end by this machine's clock, but decoders use
 * other clocks: an offset of that size (at least 1 s) is wrong, half of it gives a warning.
 * @param where name of the clock for messages
 */
export function judgeSkew(where: string, { aheadMs, uncertainMs }: ClockReading, settleSeconds: number): Finding {
  const limitMs = Math.max(1, settleSeconds) * 1000;
  const least = Math.max(0, Math.abs(aheadMs) - uncertainMs);
  const found = `${where} is ${seconds(Math.abs(aheadMs))} ${aheadMs < 0 ? "behind" : "ahead of"} this machine's clock (± ${seconds(uncertainMs)})`;
  const cure = `synchronise both clocks (timedatectl, chronyc tracking); settle_seconds is ${settleSeconds}`;
  if (least >= limitMs) return wrong(found, cure);
  return least >= limitMs / 2 ? warning(found, cure) : ok(found);
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(3)} s`;
}
