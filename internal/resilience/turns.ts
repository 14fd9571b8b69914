/** What waited for its turn for too long; it was never begun. */
export class TurnMissed extends Error {
  override readonly name = "TurnMissed";
}

/** Runs calls, so many at once; the others wait in their order. */
export interface Turns {
  /** @throws TurnMissed where the call's turn comes after the deadline; what the call throws */
  run<T>(call: () => Promise<T>, deadline: number): Promise<T>;
}

/**
 * @param most how many calls run at once
 * @param stopwatch seconds on a clock that only goes forward; deadlines are by it
 */
export function makeTurns(most: number, stopwatch: () => number): Turns {
  const queue: (() => void)[] = [];
  let running = 0;
  return {
    async run(call, deadline) {
      if (running < most) running++;
      else await new Promise<void>((begin) => queue.push(begin));
      try {
        if (stopwatch() > deadline) throw new TurnMissed("the deadline passed before the call's turn came");
        return await call();
      } finally {
        // Who ends hands its place to the one who waits longest.
        const next = queue.shift();
        if (next === undefined) running--;
        else next();
      }
    },
  };
}
