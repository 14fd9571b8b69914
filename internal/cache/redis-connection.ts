import { Redis, type RedisOptions } from "ioredis";
import type { Guard } from "../resilience/guard.ts";
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
  retryStrategy: (attempt: number) =>
    Math.min(50 * 2 ** Math.min(attempt, 10), 3_000) + Math.floor(Math.random() * 100),
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

/** A connection that comes back by itself, for ever, and on which no command hangs. */
export interface RedisConnection {
  readonly client: Redis;
  /**
   * Runs commands once the connection is up.
   * @throws Error after seconds where Redis is away or silent, saying why, without the URL's password
   */
  run<T>(command: (client: Redis) => Promise<T>): Promise<T>;
  /** A reply's error as one that is safe to show and to log. */
  explain(error: unknown): Error;
  /** Lets the commands under way finish, then ends the connection. */
  close(): Promise<void>;
}

/**
 * Connects, in the background.
 * @param guard what commands go through
 * @throws InputError where the URL is no Redis URL
 */
export function connectRedis(
  url: string,
  guard: Guard,
  options: Pick<RedisOptions, "lazyConnect" | "scripts"> = {},
): RedisConnection {
  const address = parseRedisUrl(url);
  const client = new Redis(url, { ...OPTIONS, ...options });
  let lastFailure = "";
  let closed = false;
  let coming: { readonly up: Promise<void>; readonly giveUp: () => void } | null = null;

  client.on("error", (error: Error) => {
    lastFailure = reasonOf(error);
  });
  client.on("ready", () => {
    lastFailure = "";
  });

  // Only the text is kept: ioredis hangs the command with its arguments on errors, and AUTH's hold the password.
  function explain(error: unknown): Error {
    const message = shown(reasonOf(error));
    return (error as Error | null)?.name === "ReplyError" ? new Error(message) : new RedisAway(message);
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
        if (client.status === "wait") client.connect().catch(() => {});
      });
      coming = { up, giveUp };
    }
    return coming.up;
  }

  function away(): string {
    return shown(`no connection within ${READY_TIMEOUT_MS / 1000} s${lastFailure === "" ? "" : ` (${lastFailure})`}`);
  }

  return {
    client,
    explain,
    run(command) {
      return guard.run(async () => {
        refuseIfClosed();
        if (client.status !== "ready") await waitUntilReady();
        try {
          return await command(client);
        } catch (error) {
          throw explain(error);
        }
      });
    },
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

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message === "Command timed out") return `no reply within ${COMMAND_TIMEOUT_MS / 1000} s`;
  if (
    error.name === "MaxRetriesPerRequestError" ||
    error.name === "AbortError" ||
    error.message.startsWith("Stream isn't writeable") ||
    error.message === "Connection is closed."
  ) {
    return "the connection was lost";
  }
  // A host with several addresses fails with an AggregateError, whose message is empty.
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}
