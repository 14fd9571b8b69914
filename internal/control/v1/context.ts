import type { Admission, Lane } from "../../http/admission.ts";
import type { Serving } from "../../http/serving.ts";
import type { Database } from "../../storage/connection/database.ts";
import type { Claim } from "../../storage/control/claim.ts";
import type { EventHub } from "../stream/hub.ts";

/** What the control API is made from. */
export interface ControlContext {
  readonly database: Database;
  readonly events: EventHub;
  /** A monotonic clock, in seconds. */
  readonly stopwatch: () => number;
  readonly settings: {
    readonly requestTimeoutSeconds: number;
    /** The most requests in progress, reads and writes counted apart. */
    readonly maxInFlight: number;
    /** The most calls of the database at once. */
    readonly maxConnections: number;
  };
}

/** What the routes of the control API share. */
export interface ControlService {
  readonly database: Database;
  readonly events: EventHub;
  readonly serving: Serving;
  readonly admission: Admission;
  /** Bounds the calls of the database; keys are served in turn, and no tenant may take all connections. */
  readonly lane: Lane;
  readonly claim: Claim;
}
