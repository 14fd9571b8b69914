import { Redis, type RedisOptions } from "ioredis";
import type { Guard } from "../resilience/guard.ts";
import { databaseRefusal, explained, RedisAway, reasonOf, refusalOf, sentinelReasonOf } from "./redis-errors.ts";
import { OPTIONS } from "./redis-options.ts";
import { parseRedisUrl } from "./redis-url.ts";

/** How long a command waits for a connection that is not up. */
const READY_TIMEOUT_MS = 2_000;

const CLOSED = "the store is closed";

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
  /** In place of the last failure, where nothing but another URL or server helps. */
  let refusal: string | null = null;
  let closed = false;
  let coming: { readonly up: Promise<void>; readonly giveUp: () => void } | null = null;

  client.on("error", (error: Error) => {
    // ioredis says so each time that it has gone through their list.
    if (error.message.startsWith("All sentinels are unreachable")) return;
    lastFailure = reasonOf(error);
    // What was sent after it fails as well, with the connection; the system's own errors have a code.
    refusal = refusalOf(error) ?? ("code" in error ? null : refusal);
    // The keys of another database are somebody else's.
    if (databaseRefusal(error) !== null) client.disconnect(true);
    // To wait on would tell nobody anything else.
    if (refusal !== null) coming?.giveUp();
  });
  client.on("sentinelError", (error: Error) => {
    lastFailure = sentinelReasonOf(error);
  });
  client.on("ready", () => {
    lastFailure = "";
    refusal = null;
  });

  function explain(error: unknown): Error {
    return error instanceof RedisAway ? error : explained(error, shown);
  }

  function shown(reason: string): string {
    return address.redact(`Redis at ${address.shown}: ${reason}`);
  }

  function refuseIfClosed(): void {
    if (closed) throw new Error(shown(CLOSED));
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
        const late = `no connection within ${READY_TIMEOUT_MS / 1000} s`;
        giveUp = () => settle(() => reject(closed ? new Error(shown(CLOSED)) : new RedisAway(missing(late))));
        const timer = setTimeout(giveUp, READY_TIMEOUT_MS);
        client.once("ready", onReady);
      });
      coming = { up, giveUp };
    }
    return coming.up;
  }

  function missing(what: string): string {
    return shown(refusal ?? (lastFailure === "" ? what : `${what} (${lastFailure})`));
  }

  async function attempt<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    refuseIfClosed();
    // ioredis gives up for good where it cannot even try, such as with an impossible address from a sentinel.
    if (client.status === "wait" || client.status === "end") client.connect().catch(() => {});
    // A connection that is being given up still counts as ready until it is closed.
    if (client.status !== "ready" || !client.stream.writable) {
      // The connection comes back by itself: who tries Redis for all need not wait where that has just failed.
      if (guard.state() !== "closed" && lastFailure !== "") throw new RedisAway(missing("no connection"));
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
