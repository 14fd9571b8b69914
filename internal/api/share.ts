import { setBounded } from "../cache/bounded.ts";
import type { Micros } from "../canonical/time.ts";

const MOST_KEPT = 1_000;

/**
 * Answers a question once for all who ask it meanwhile. With a `step`, the answer also stands for all who ask it until
 * a later step is asked about; a failure is never kept.
 */
export type Share<T> = (key: string, step: Micros | null, answer: () => Promise<T>) => Promise<T>;

export function makeShare<T>(): Share<T> {
  const answers = new Map<string, Promise<T>>();
  let latest: Micros | null = null;
  return (key, step, answer) => {
    if (step !== null && (latest === null || step > latest)) {
      latest = step;
      answers.clear();
    }
    const known = answers.get(key);
    if (known !== undefined) return known;
    const running = answer();
    const forget = (): void => {
      if (answers.get(key) === running) answers.delete(key);
    };
    running.then(step !== null && step === latest ? () => {} : forget, forget);
    setBounded(answers, key, running, MOST_KEPT);
    return running;
  };
}
