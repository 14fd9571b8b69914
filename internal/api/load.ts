import { requestsInFlight } from "../obs/api-events.ts";
import type { Guard } from "../resilience/guard.ts";
import { makeTurns, TurnMissed } from "../resilience/turns.ts";
import type { Soon } from "./after.ts";
import type { ApiContext } from "./context.ts";
import { overloaded, timedOut } from "./failure.ts";

/** How much is taken on at once, and for how long. Answers at hand are always given. */
export interface Load {
  /**
   * Answers a new request.
   * @throws Problem `overloaded` at once where it would have to wait and as many wait as may; the promise, `timeout` where
   *   the answer is not there in time
   */
  enter<C, T>(respond: (c: C) => Soon<T>, c: C): Soon<T>;
  /** The context, in which no new request sets anything going while as many wait as may, and computations take turns. */
  bounded(context: ApiContext): ApiContext;
}

export function makeLoad({ settings, stopwatch }: Pick<ApiContext, "settings" | "stopwatch">): Load {
  const { maxInFlight, requestTimeoutSeconds } = settings;
  const turns = makeTurns(settings.maxComputations, stopwatch);
  let inFlight = 0;
  // A request is new until it waits for the first time. What it sets going afterwards belongs to one that was let in.
  let isNew = false;

  function change(by: number): void {
    inFlight += by;
    requestsInFlight.publish({ count: inFlight });
  }

  function refuseIfFull(): void {
    if (isNew && inFlight >= maxInFlight) throw overloaded();
  }

  function wait<T>(answer: Promise<T>): Promise<T> {
    if (inFlight >= maxInFlight) {
      // It waits for what others have set going; nothing was begun for it.
      answer.catch(() => {});
      throw overloaded();
    }
    change(+1);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(timedOut()), requestTimeoutSeconds * 1000);
      // A request that was told to come back counts for as long as its work goes on, which else would pile up.
      const settle = (): void => {
        clearTimeout(timer);
        change(-1);
      };
      answer.finally(settle).then(resolve, reject);
    });
  }

  /** As many reads at once as there are connections: what waits here can still be dropped, in the driver's queue not. */
  function inTurn(guard: Guard): Guard {
    const begin = <T>(call: () => Promise<T>): Promise<T> => {
      refuseIfFull();
      return turns.run(call, stopwatch() + requestTimeoutSeconds).catch((error: unknown) => {
        throw error instanceof TurnMissed ? timedOut() : error;
      });
    };
    return {
      run: (call) => begin(() => guard.run(call)),
      runSafely: (call, ...others) => begin(() => guard.runSafely(call, ...others)),
      state: guard.state,
    };
  }

  return {
    enter(respond, c) {
      isNew = true;
      let answer: ReturnType<typeof respond>;
      try {
        answer = respond(c);
      } finally {
        isNew = false;
      }
      return answer instanceof Promise ? wait(answer) : answer;
    },
    bounded: (context) => ({
      ...context,
      database: { ...context.database, guard: inTurn(context.database.guard) },
      store: {
        ...context.store,
        readHeld: (keys) => {
          refuseIfFull();
          return context.store.readHeld(keys);
        },
      },
    }),
  };
}
