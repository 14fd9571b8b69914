import { type Finding, ok, warning } from "./finding.ts";

const PINGS = 9;
const SLOW_MS = 20;

/** Checks the median latency of several PINGs. */
export async function checkRedisLatency(
  ping: () => Promise<unknown>,
  stopwatch: () => number = () => performance.now(),
): Promise<Finding> {
  const times: number[] = [];
  for (let count = 0; count < PINGS; count++) {
    const started = stopwatch();
    await ping();
    times.push(stopwatch() - started);
  }
  const median = times.sort((a, b) => a - b)[Math.floor(PINGS / 2)] ?? 0;
  const found = `answers in ${median.toFixed(1)} ms (median of ${PINGS})`;
  return median <= SLOW_MS
    ? ok(found)
    : warning(
        `${found}: each read that misses the local copies takes that long`,
        "run Redis closer to the daemons; look for slow commands (SLOWLOG GET) and for swapping",
      );
}
