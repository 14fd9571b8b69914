import type { ReplayWait } from "./replay-wait.ts";

/** The default settings, without waiting for a standby. */
export const NO_REPLAY_WAIT: ReplayWait = { settleSeconds: 5, replaySeconds: 0, sleepUntil: async () => {} };
