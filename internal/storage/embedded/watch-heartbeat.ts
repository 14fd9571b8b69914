import { statSync } from "node:fs";
import { HEARTBEAT_MS } from "./lock.ts";

// A slow disk or a swapping machine can delay the heartbeat of a living process.
const MISSED_HEARTBEATS = 15;

/** For messages about a holder that counts as frozen. */
export const NO_HEARTBEAT = `sent no heartbeat for ${(MISSED_HEARTBEATS * HEARTBEAT_MS) / 1000} s`;

/**
 * Calls `onSilence` once when a lock file has not been touched for 15 checks (30 s): its holder is frozen. Checks are
 * counted instead of time, so that a suspension of this process does not count.
 * @returns a function that stops the watch
 */
export function watchHeartbeat(lockFile: string, onSilence: () => void): () => void {
  let last: number | undefined;
  let missed = 0;
  const timer = setInterval(() => {
    const touched = touchedAt(lockFile);
    missed = touched === last ? missed + 1 : 0;
    last = touched;
    if (missed < MISSED_HEARTBEATS) return;
    clearInterval(timer);
    onSilence();
  }, HEARTBEAT_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/**
 * Returns the file's modification time; undefined if there is no file or the disk fails, which is no heartbeat either.
 */
function touchedAt(lockFile: string): number | undefined {
  try {
    return statSync(lockFile, { throwIfNoEntry: false })?.mtimeMs;
  } catch {
    return undefined;
  }
}
