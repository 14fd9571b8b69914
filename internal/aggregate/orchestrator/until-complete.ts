import { type Micros, seconds } from "../../canonical/time.ts";
import { type Database, pingDatabase } from "../../storage/database.ts";
import { ReplayBehind } from "../../storage/errors.ts";
import { refuseUnended } from "../../storage/read-only.ts";

/** When a bucket that is over by the clock is complete. */
export interface Closing {
  /** How long its last trades have to land. */
  readonly settleSeconds: number;
  /** How long a standby is waited for to replay them. */
  readonly replaySeconds: number;
  readonly sleepUntil: (moment: Micros, signal: AbortSignal) => Promise<void>;
}

const PAUSE: Micros = seconds(1) / 4n;

/**
 * Ends when the bucket to `to` is complete in the database: at once on the primary, a little later on a standby that keeps up.
 * @throws ClockAhead, ReplayBehind where it is not in time
 */
export async function untilComplete(
  database: Database,
  { settleSeconds, replaySeconds, sleepUntil }: Closing,
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
