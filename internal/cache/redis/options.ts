import type { RedisOptions } from "ioredis";

/** The timeout of a command that was sent. */
export const COMMAND_TIMEOUT_MS = 3_000;

/** The options of all connections. */
export const OPTIONS = {
  connectionName: "stellarindex",
  // CLIENT SETINFO would need one more permission for the Redis user, without any use.
  disableClientInfo: true,
  connectTimeout: 3_000,
  commandTimeout: COMMAND_TIMEOUT_MS,
  // Detects a peer that vanished without closing; TCP itself would take many minutes.
  socketTimeout: COMMAND_TIMEOUT_MS + 1_000,
  disconnectTimeout: 500,
  retryStrategy: reconnectDelayMs,
  sentinelRetryStrategy: reconnectDelayMs,
  sentinelCommandTimeout: COMMAND_TIMEOUT_MS,
  // Sentinels announce each other under addresses that may be unreachable from here; only those of the URL are used.
  updateSentinels: false,
  // After a failover the old primary refuses writes; only a new connection finds the new primary.
  reconnectOnError: oncePerTurn((error) => error.message.includes("READONLY")),
  // A queue of unsent commands would be sent long after their callers got an error.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // ioredis does not handle the rejection of its own resubscription, which would end the process.
  autoResubscribe: false,
} satisfies RedisOptions;

/** Exponential backoff with full jitter, so that clients do not all reconnect at once. */
function reconnectDelayMs(attempt: number): number {
  return 50 + Math.floor(Math.random() * Math.min(50 * 2 ** attempt, 3_000));
}

/**
 * Limits reconnections to one per event-loop turn: each reply of a pipeline reports the same error, and each
 * reconnection of ioredis adds a listener to the socket.
 */
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
