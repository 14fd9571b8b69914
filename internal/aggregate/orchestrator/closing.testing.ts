import type { Closing } from "./until-complete.ts";

/** As it is by default, but that no standby is waited for. */
export const CLOSING: Closing = { settleSeconds: 5, replaySeconds: 0, sleepUntil: async () => {} };
