import type { PriceStore } from "../cache/store.ts";
import { requestsInFlight } from "../obs/api-events.ts";
import { makeTurns, TurnMissed, TurnRefused } from "../resilience/turns.ts";
import type { Database } from "../storage/database.ts";
import type { Soon } from "./after.ts";
import type { ApiSettings } from "./context.ts";
import { overloaded, timedOut } from "./failure.ts";

export type LoadLimits = Pick<ApiSettings, "maxInFlight" | "requestTimeoutSeconds">;

/** Of the computations that may ask the database at once, and of the requests that may wait, those with much to read. */
const HEAVY_SHARE = 1 / 4;

/**
 * Of the requests that may wait, those that wait for a turn at the database with little to read. With the heavy ones that is
 * less than all, so that a client that asks for everything at once keeps nobody else out: it is the one to give way.
 */
const LIGHT_SHARE = 1 / 2;

/** A database that those who ask it take turns at. */
export interface BoundedDatabase extends Database {
  /**
   * The database for a client, which waits for its turn among the others; a question with much to read is heavy and waits
   * among the heavy ones, which are few at once, so that the others go on.
   */
  readonly laneOf: (client: string, isHeavy: boolean) => Database;
}

/** How much is taken on at once, and for how long. Answers at hand are always given. */
export interface Load {
  /**
   * Answers a new request.
   * @throws Problem `overloaded` at once where it would have to wait and as many wait as may; the promise, `timeout`
   *   where the answer is not there in time
   */
  enter<C, T>(respond: (c: C) => Soon<T>, c: C, limits: LoadLimits): Soon<T>;
  /** Whether the request that is being looked at may not wait; to be asked before it waits for anything. */
  mustNotWait(): boolean;
  /** The store, which no new request asks while as many wait as may. */
  boundedStore(store: PriceStore): PriceStore;
  /** The database, likewise; those that ask it take turns, and those whose turn comes too late do not ask it any more. */
  boundedDatabase(database: Database, limits: LoadLimits): BoundedDatabase;
}

/**
 * @param mostComputations how many may ask the database at once
 * @param stopwatch seconds on a clock that only goes forward
 */
export function makeLoad(mostComputations: number, stopwatch: () => number): Load {
  let mostWaiting = 0;
  let mostHeavyWaiting = 0;
  const turns = makeTurns(mostComputations, stopwatch, () => mostWaiting);
  const heavyTurns = makeTurns(
    Math.max(1, Math.floor(mostComputations * HEAVY_SHARE)),
    stopwatch,
    () => mostHeavyWaiting,
  );
  let inFlight = 0;
  // While a new request is looked at that may not wait. What is set going later belongs to one that was let in.
  let mayNotWait = false;

  function change(by: number): void {
    inFlight += by;
    requestsInFlight.publish({ count: inFlight });
  }

  function refuseIfFull(): void {
    if (mayNotWait) throw overloaded();
  }

  function wait<T>(answer: Promise<T>, { maxInFlight, requestTimeoutSeconds }: LoadLimits): Promise<T> {
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

  return {
    enter(respond, c, limits) {
      mayNotWait = inFlight >= limits.maxInFlight;
      let answer: ReturnType<typeof respond>;
      try {
        answer = respond(c);
      } finally {
        mayNotWait = false;
      }
      return answer instanceof Promise ? wait(answer, limits) : answer;
    },
    mustNotWait: () => mayNotWait,
    boundedStore: (store) => ({
      ...store,
      readHeld: (keys) => {
        refuseIfFull();
        return store.readHeld(keys);
      },
    }),
    boundedDatabase: (database, { requestTimeoutSeconds, maxInFlight }) => {
      const { guard } = database;
      mostHeavyWaiting = Math.ceil(maxInFlight * HEAVY_SHARE);
      mostWaiting = Math.ceil(maxInFlight * LIGHT_SHARE);
      // As many as there are connections: what waits here can still be dropped, in the driver's queue it cannot.
      function inTurn<T>(call: () => Promise<T>, client: string, isHeavy: boolean): Promise<T> {
        refuseIfFull();
        const deadline = stopwatch() + requestTimeoutSeconds;
        const run = (): Promise<T> => turns.run(call, deadline, client);
        return (isHeavy ? heavyTurns.run(run, deadline, client) : run()).catch((error: unknown) => {
          if (error instanceof TurnRefused) throw overloaded();
          throw error instanceof TurnMissed ? timedOut() : error;
        });
      }
      const laneOf = (client: string, isHeavy: boolean): Database => ({
        ...database,
        guard: {
          run: (call) => inTurn(() => guard.run(call), client, isHeavy),
          runSafely: (call, ...others) => inTurn(() => guard.runSafely(call, ...others), client, isHeavy),
          state: guard.state,
        },
      });
      return { ...laneOf("", false), laneOf };
    },
  };
}
