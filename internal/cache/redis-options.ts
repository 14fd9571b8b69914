import type { RedisOptions } from "ioredis";

/** How long a command that was sent waits for its reply. */
export const COMMAND_TIMEOUT_MS = 3_000;

/** How connections behave, whatever they are for. */
export const OPTIONS = {
  connectionName: "stellarindex",
  // CLIENT SETINFO would be one more command that a user of Redis has to be allowed, for nothing.
  disableClientInfo: true,
  connectTimeout: 3_000,
  commandTimeout: COMMAND_TIMEOUT_MS,
  // A peer that vanished without closing is noticed by a reply that does not come, not by TCP many minutes later.
  socketTimeout: COMMAND_TIMEOUT_MS + 1_000,
  disconnectTimeout: 500,
  retryStrategy: reconnectDelayMs,
  sentinelRetryStrategy: reconnectDelayMs,
  sentinelCommandTimeout: COMMAND_TIMEOUT_MS,
  // Sentinels tell of each other by addresses that may not lead there from here; those that the URL names are asked.
  updateSentinels: false,
  // After a failover the old primary still answers, but takes no writes: only a new connection finds the new one.
  reconnectOnError: oncePerTurn((error) => error.message.includes("READONLY")),
  // A queue of what could not be sent would be written long after its callers were told that it failed.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // ioredis leaves the rejection of its own resubscription unhandled, which ends the process.
  autoResubscribe: false,
} satisfies RedisOptions;

/** Full jitter, so that those who lost one Redis do not all come back to it at once. */
function reconnectDelayMs(attempt: number): number {
  return 50 + Math.floor(Math.random() * Math.min(50 * 2 ** attempt, 3_000));
}

/** Of a pipeline every reply says the same, and each reconnection that ioredis is told to make adds a listener to the socket. */
function oncePerTurn(isReason: (error: Error) => boolean): (error: Error) => boolean {
  let isTold = false;
  return (error) => {
    if (isTold || !isReason(error)) return false;
    isTold = true;
    setImmediate(() => {
      isTold = false;
    });
    return true;
  };
}
