import { type Finding, ok, warning, wrong } from "./finding.ts";

/** Another clock, read from here. All in milliseconds. */
export interface ClockReading {
  /** How far the other clock is ahead; negative where it is behind. */
  readonly aheadMs: number;
  /** By how much that may be off at most: half of the round trip. */
  readonly uncertainMs: number;
}

const READINGS = 5;

/**
 * Reads another clock some times and keeps the reading with the shortest round trip. The other clock was read somewhere
 * within it, so its middle is off by half of it at most (as in Cristian's algorithm).
 * @param read the other clock, ms since the epoch
 * @param now this one, ms since the epoch
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
 * Buckets count as closed `settleSeconds` after their end by this machine's clock, while decoders go by others: so much
 * skew is wrong, half of it worth a warning. Below a second nobody's clock is judged.
 * @param where whose clock it is, in words
 */
export function judgeSkew(where: string, { aheadMs, uncertainMs }: ClockReading, settleSeconds: number): Finding {
  const limitMs = Math.max(1, settleSeconds) * 1000;
  const least = Math.max(0, Math.abs(aheadMs) - uncertainMs);
  const found = `${where} is ${seconds(Math.abs(aheadMs))} ${aheadMs < 0 ? "behind" : "ahead of"} this machine's, give or take ${seconds(uncertainMs)}`;
  const cure = `synchronise both clocks (timedatectl, chronyc tracking); settle_seconds is ${settleSeconds}`;
  if (least >= limitMs) return wrong(found, cure);
  return least >= limitMs / 2 ? warning(found, cure) : ok(found);
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(3)} s`;
}
