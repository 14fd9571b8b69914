import type { Micros } from "../canonical/time.ts";
import { setBounded } from "./bounded-map.ts";

const MAX_ENTRIES = 1_000;

/**
 * Runs one computation per key for all concurrent callers. With a `step`, the result is also cached until a call with a
 * later step; failures are never cached.
 */
export type SingleFlight<T> = (key: string, step: Micros | null, compute: () => Promise<T>) => Promise<T>;

export function makeSingleFlight<T>(): SingleFlight<T> {
  const results = new Map<string, Promise<T>>();
  let latest: Micros | null = null;
  return (key, step, compute) => {
    if (step !== null && (latest === null || step > latest)) {
      latest = step;
      results.clear();
    }
    const known = results.get(key);
    if (known !== undefined) return known;
    const running = compute();
    const forget = (): void => {
      if (results.get(key) === running) results.delete(key);
    };
    running.then(step !== null && step === latest ? () => {} : forget, forget);
    setBounded(results, key, running, MAX_ENTRIES);
    return running;
  };
}
