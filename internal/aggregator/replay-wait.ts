import { type Micros, seconds } from "../canonical/time.ts";
import { type Database, pingDatabase } from "../storage/connection/database.ts";
import { ReplayBehind } from "../storage/connection/errors.ts";
import { refuseUnended } from "../storage/connection/read-only.ts";

/** How long to wait until a bucket is complete in the database. */
export interface ReplayWait {
  /** Wait after the bucket's end for decoders to write its last trades. */
  readonly settleSeconds: number;
  /** Maximum further wait for a standby to replay them. */
  readonly replaySeconds: number;
  readonly sleepUntil: (moment: Micros, signal: AbortSignal) => Promise<void>;
}

const PAUSE: Micros = seconds(1) / 4n;

/**
 * Resolves when the bucket that ends at `to` is complete in the database: immediately on a primary, a little later on a
 * standby that keeps up.
 * @throws ClockAhead, ReplayBehind where it is not complete within `replaySeconds`
 */
export async function waitForReplay(
  database: Database,
  { settleSeconds, replaySeconds, sleepUntil }: ReplayWait,
  now: () => Micros,
  to: Micros,
  signal: AbortSignal,
): Promise<void> {
  for (let left = seconds(replaySeconds) / PAUSE; ; left--) {
    const { now: clock, position } = await pingDatabase(database);
    try {
      refuseUnended({ to, settleSeconds }, clock, position);
      return;
    } catch (error) {
      if (!(error instanceof ReplayBehind) || left <= 0n || signal.aborted) throw error;
    }
    await sleepUntil(now() + PAUSE, signal);
  }
}
