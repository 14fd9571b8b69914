import { statSync } from "node:fs";
import { BEAT_MS } from "./lock.ts";

// A disk that is slow, or a machine that swaps, may keep a living process from it for a while.
const MISSED_BEATS = 15;

/** For messages about a holder that is taken for frozen. */
export const NO_SIGN_OF_LIFE = `gave no sign of life for ${(MISSED_BEATS * BEAT_MS) / 1000} s`;

/**
 * Tells once when whoever holds the lock file has touched it no more for half a minute: its process is frozen. Looks are
 * counted, not time: while this process is frozen itself, none is missed.
 * @returns to stop looking
 */
export function watchSignsOfLife(lockFile: string, onSilence: () => void): () => void {
  let last: number | undefined;
  let missed = 0;
  const timer = setInterval(() => {
    const touched = statSync(lockFile, { throwIfNoEntry: false })?.mtimeMs;
    missed = touched === last ? missed + 1 : 0;
    last = touched;
    if (missed < MISSED_BEATS) return;
    clearInterval(timer);
    onSilence();
  }, BEAT_MS);
  timer.unref();
  return () => clearInterval(timer);
}
