import type { Config } from "../config/schema.ts";
import type { Database } from "../storage/connection/database.ts";
import type { HeldLease } from "../storage/control/report.ts";
import type { Market } from "../storage/trades/orientations.ts";

export { PermanentFailure, Throttled } from "../../sdk/worker/src/failures.ts";

/** What the work of the built-in kinds needs. */
export interface KindContext {
  readonly database: Database;
  readonly config: Config;
  readonly tenant: string;
  readonly job: HeldLease;
  /** The current time by the system's clock, in microseconds since the epoch. */
  readonly now: () => bigint;
  /** Returns the positions of markets whose trades are stored only in the inverse orientation. */
  readonly invertedOf: (markets: readonly Market[]) => Promise<ReadonlySet<number>>;
}

/** How a job ended well: figures that history shows. */
export type JobResult = Readonly<Record<string, string | number | boolean | null>>;

/** The work of one job. Throws PermanentFailure if another attempt would fail as well; any other error is retried. */
export type Work = (context: KindContext, signal: AbortSignal) => Promise<JobResult>;

/** A kind of job that the program does itself. */
export interface Kind {
  readonly name: string;
  readonly description: string;
  /** Whether its jobs run until they are cancelled: they take none of the places of other jobs. */
  readonly isEndless: boolean;
  /** @throws InputError that names each wrong field of the payload */
  readonly prepare: (payload: unknown) => Work;
}
