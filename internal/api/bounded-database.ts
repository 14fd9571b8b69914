import type { PriceStore } from "../cache/store.ts";
import { type Admission, type AdmissionLimits, makeLane } from "../http/admission.ts";
import { boundedBy, type Database } from "../storage/connection/database.ts";

/** The share of concurrent computations, and of waiting requests, that heavy queries (many trades to read) may use. */
const HEAVY_SHARE = 1 / 4;

/**
 * The share of waiting requests that light queries may use. With the heavy ones that is less than all, so that a client
 * that sends many queries at once is refused itself, and does not block others.
 */
const LIGHT_SHARE = 1 / 2;

/** A database whose concurrency is bounded. */
export interface BoundedDatabase extends Database {
  /**
   * Returns the database for one client, whose queries queue fairly with those of other clients. Heavy queries (many
   * trades to read) also queue among themselves, with a lower limit, so that light ones go on.
   */
  readonly laneOf: (client: string, isHeavy: boolean) => Database;
}

/**
 * Returns a function that bounds the database's concurrency under the limits in effect; the queues are kept when a
 * reload changes these. While a request must not wait, its queries are refused; a query whose turn comes after the
 * timeout is dropped.
 * @param maxComputations the most computations that query the database at once
 * @param stopwatch a monotonic clock, in seconds
 */
export function makeDatabaseLanes(
  admission: Admission,
  maxComputations: number,
  stopwatch: () => number,
): (database: Database, limits: AdmissionLimits) => BoundedDatabase {
  let maxInFlight = 0;
  const maxHeavy = Math.max(1, Math.floor(maxComputations * HEAVY_SHARE));
  // The limit equals the number of connections: queries that wait here can be dropped, in the driver's queue they
  // cannot.
  const lane = makeLane(admission, maxComputations, stopwatch, () => Math.ceil(maxInFlight * LIGHT_SHARE));
  const heavyLane = makeLane(admission, maxHeavy, stopwatch, () => Math.ceil(maxInFlight * HEAVY_SHARE));

  return (database, limits) => {
    ({ maxInFlight } = limits);
    const laneOf = (client: string, isHeavy: boolean): Database =>
      boundedBy(database, (call) => {
        const deadline = stopwatch() + limits.requestTimeoutSeconds;
        const run = () => lane(call, client, deadline);
        return isHeavy ? heavyLane(run, client, deadline) : run();
      });
    return { ...laneOf("", false), laneOf };
  };
}

/** Wraps the store: while the limit is reached, it refuses reads of new requests. */
export function boundedStore(store: PriceStore, admission: Admission): PriceStore {
  return {
    ...store,
    readWithTtl: (keys) => {
      admission.refuseIfFull();
      return store.readWithTtl(keys);
    },
  };
}
