import { Redis, type RedisOptions } from "ioredis";
import { type CircuitOptions, type Guard, makeGuard, NO_GUARD } from "../resilience/guard.ts";
import { parseRedisUrl } from "./redis-url.ts";

/** How long a command waits for a connection that is not up. */
const READY_TIMEOUT_MS = 2_000;
/** How long a command that was sent waits for its reply. */
const COMMAND_TIMEOUT_MS = 3_000;

const OPTIONS = {
  connectionName: "stellarindex",
  connectTimeout: 3_000,
  commandTimeout: COMMAND_TIMEOUT_MS,
  // A peer that vanished without closing is noticed by a reply that does not come, not by TCP many minutes later.
  socketTimeout: 10_000,
  disconnectTimeout: 500,
  retryStrategy: reconnectDelayMs,
  sentinelRetryStrategy: reconnectDelayMs,
  sentinelCommandTimeout: 3_000,
  // Sentinels tell of each other by addresses that may not lead there from here; those that the URL names are asked.
  updateSentinels: false,
  // After a failover the old primary still answers, but takes no writes: only a new connection finds the new one.
  reconnectOnError: (error: Error) => error.message.includes("READONLY"),
  // A queue of what could not be sent would be written long after its callers were told that it failed.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // ioredis leaves the rejection of its own resubscription unhandled, which ends the process.
  autoResubscribe: false,
} satisfies RedisOptions;

/** Redis did not answer, as opposed to having refused a command. */
export class RedisAway extends Error {}

/** The connection ended with the command under way; the next one may well be answered. */
class ConnectionLost extends RedisAway {}

/** The circuit around Redis: one for all connections of a process. Without options it is always closed. */
export function makeRedisGuard(options: CircuitOptions | undefined): Guard {
  if (options === undefined) return NO_GUARD;
  const isAway = (error: unknown): boolean => error instanceof RedisAway;
  return makeGuard("Redis", options, isAway, (error) => error instanceof ConnectionLost);
}

/** A connection that comes back by itself, for ever, and on which no command hangs. */
export interface RedisConnection {
  readonly client: Redis;
  /**
   * Runs commands once the connection is up. The errors in a pipeline's replies are the command's to throw, see `explain`.
   * @throws CircuitOpen at once while the guard refuses calls
   * @throws RedisAway after seconds where Redis is away or silent, saying why, without the URL's password
   * @throws Error with what Redis replied where it refused a command
   */
  run<T>(command: (client: Redis) => Promise<T>): Promise<T>;
  /** As `run`, for commands that may be run twice: where the connection was lost under them, they are. */
  runSafely<T>(command: (client: Redis) => Promise<T>): Promise<T>;
  /** An error of a command, or in a pipeline's replies, as one that is safe to show and to log; RedisAway for no reply. */
  explain(error: unknown): Error;
  /** Lets the commands under way finish, then ends the connection. */
  close(): Promise<void>;
}

/**
 * Connects, in the background; through sentinels to the primary, and to the next one after a failover.
 * @param guard what commands go through; that of the store, see `PriceStore.guard`, or NO_GUARD
 * @throws InputError where the URL is no Redis URL
 */
export function connectRedis(
  url: string,
  guard: Guard,
  options: Pick<RedisOptions, "lazyConnect" | "scripts"> = {},
): RedisConnection {
  const address = parseRedisUrl(url);
  const client =
    address.sentinels === null
      ? new Redis(url, { ...OPTIONS, ...options })
      : new Redis({ ...OPTIONS, ...options, ...address.sentinels });
  let lastFailure = "";
  let closed = false;
  let coming: { readonly up: Promise<void>; readonly giveUp: () => void } | null = null;

  client.on("error", (error: Error) => {
    // ioredis says so each time that it has gone through their list.
    if (!error.message.startsWith("All sentinels are unreachable")) lastFailure = reasonOf(error);
  });
  client.on("sentinelError", (error: Error) => {
    lastFailure = sentinelReasonOf(error);
  });
  client.on("ready", () => {
    lastFailure = "";
  });

  // Only the text is kept: ioredis hangs the command with its arguments on errors, and AUTH's hold the password.
  function explain(error: unknown): Error {
    if (error instanceof RedisAway) return error;
    const reason = reasonOf(error);
    if (reason === LOST) return new ConnectionLost(shown(reason));
    return (error as Error | null)?.name === "ReplyError" ? new Error(shown(reason)) : new RedisAway(shown(reason));
  }

  function shown(reason: string): string {
    return address.redact(`Redis at ${address.shown}: ${reason}`);
  }

  function refuseIfClosed(): void {
    if (closed) throw new Error(shown("the store is closed"));
  }

  // All who wait share one listener and one deadline.
  function waitUntilReady(): Promise<void> {
    if (coming === null) {
      let giveUp = (): void => {};
      const up = new Promise<void>((resolve, reject) => {
        const settle = (end: () => void): void => {
          clearTimeout(timer);
          client.off("ready", onReady);
          coming = null;
          end();
        };
        const onReady = (): void => settle(resolve);
        giveUp = () => settle(() => reject(closed ? new Error(shown("the store is closed")) : new RedisAway(away())));
        const timer = setTimeout(giveUp, READY_TIMEOUT_MS);
        client.once("ready", onReady);
        // ioredis gives up for good where it cannot even try, such as with an impossible address from a sentinel.
        if (client.status === "wait" || client.status === "end") client.connect().catch(() => {});
      });
      coming = { up, giveUp };
    }
    return coming.up;
  }

  function away(): string {
    return shown(`no connection within ${READY_TIMEOUT_MS / 1000} s${lastFailure === "" ? "" : ` (${lastFailure})`}`);
  }

  async function attempt<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    refuseIfClosed();
    if (client.status !== "ready") {
      // The connection comes back by itself: the one who tries for all need not wait for what is known to be missing.
      if (guard.state() === "half-open") throw new RedisAway(away());
      await waitUntilReady();
    }
    try {
      return await command(client);
    } catch (error) {
      throw explain(error);
    }
  }

  return {
    client,
    explain,
    run: (command) => guard.run(() => attempt(command)),
    runSafely: (command) => guard.runSafely(() => attempt(command)),
    async close() {
      if (closed) return;
      closed = true;
      coming?.giveUp();
      if (client.status !== "ready") return client.disconnect();
      const ended = new Promise<void>((resolve) => client.once("end", resolve));
      // QUIT is answered after all that was sent before it.
      await client.quit().catch(() => {});
      client.disconnect();
      await ended;
    },
  };
}

/** Full jitter, so that those who lost one Redis do not all come back to it at once. */
function reconnectDelayMs(attempt: number): number {
  return 50 + Math.floor(Math.random() * Math.min(50 * 2 ** attempt, 3_000));
}

const LOST = "the connection was lost";

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message === "Command timed out") return `no reply within ${COMMAND_TIMEOUT_MS / 1000} s`;
  if (
    error.name === "MaxRetriesPerRequestError" ||
    error.name === "AbortError" ||
    error.message.startsWith("Stream isn't writeable") ||
    error.message === "Connection is closed."
  ) {
    return LOST;
  }
  // A host with several addresses fails with an AggregateError, whose message is empty.
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}

/** What ioredis tells of a sentinel, in words that say which and what. */
function sentinelReasonOf({ message }: Error): string {
  const [, unreachable, why] = /^failed to connect to sentinel (\S+) because (.*)$/s.exec(message) ?? [];
  if (unreachable !== undefined) {
    return `sentinel ${unreachable} ${why === "Connection is closed." ? "cannot be reached" : `failed: ${why}`}`;
  }
  const [, silent] = /^connected to sentinel (\S+) successfully/.exec(message) ?? [];
  return silent === undefined ? message : `sentinel ${silent} knows no primary of this name`;
}
