import { type Finding, ok, warning } from "./finding.ts";

const PINGS = 9;
const SLOW_MS = 20;

/** How long Redis takes to answer, the median of some times. */
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
        `${found}: each read that no copy answers waits as long`,
        "move Redis closer; look for slow commands (SLOWLOG GET) and for swapping",
      );
}
