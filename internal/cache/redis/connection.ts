import { Redis, type RedisOptions } from "ioredis";
import type { CircuitBreaker } from "../../lib/circuit-breaker.ts";
import { databaseRefusal, explained, RedisUnavailable, reasonOf, refusalOf, sentinelReasonOf } from "./errors.ts";
import { OPTIONS } from "./options.ts";
import { parseRedisUrl } from "./url.ts";

/** How long a command waits for a connection that is not ready. */
const READY_TIMEOUT_MS = 2_000;

const CLOSED = "the store is closed";

/** A connection that reconnects by itself, without end, and whose commands all have a timeout. */
export interface RedisConnection {
  readonly client: Redis;
  /**
   * Runs commands once the connection is ready. The command must throw errors in a pipeline's replies itself, see
   * `explain`.
   * @throws CircuitOpen at once while the circuit is open
   * @throws RedisUnavailable within seconds where Redis is unreachable or silent; the message has the reason, masked
   * @throws Error with the reply of Redis where it refused a command
   */
  run<T>(command: (client: Redis) => Promise<T>): Promise<T>;
  /** As `run`, for idempotent commands: they are retried once after a lost connection. */
  runWithRetry<T>(command: (client: Redis) => Promise<T>): Promise<T>;
  /**
   * Converts an error of a command, or in a pipeline's replies, to one without secrets; RedisUnavailable for no reply.
   */
  explain(error: unknown): Error;
  /** Waits for running commands, then closes the connection. */
  close(): Promise<void>;
}

/**
 * Connects in the background; through Sentinels to the primary, and to the new one after a failover.
 * @param breaker the circuit breaker of the commands: the store's, see `PriceStore.breaker`, or NO_CIRCUIT_BREAKER
 * @throws InputError where the URL is no Redis URL
 */
export function connectRedis(
  url: string,
  breaker: CircuitBreaker,
  options: Pick<RedisOptions, "lazyConnect" | "scripts"> = {},
): RedisConnection {
  const address = parseRedisUrl(url);
  const client =
    address.sentinels === null
      ? new Redis(url, { ...OPTIONS, ...options })
      : new Redis({ ...OPTIONS, ...options, ...address.sentinels });
  let lastFailure = "";
  /** Replaces the last failure where only another URL or server helps. */
  let refusal: string | null = null;
  let closed = false;
  let coming: { readonly up: Promise<void>; readonly giveUp: () => void } | null = null;

  client.on("error", (error: Error) => {
    // ioredis emits this each time it has tried all Sentinels; "sentinelError" has the reason.
    if (error.message.startsWith("All sentinels are unreachable")) return;
    lastFailure = reasonOf(error);
    // Commands sent after a refusal fail with the connection, which must not replace it; system errors have a code.
    refusal = refusalOf(error) ?? ("code" in error ? null : refusal);
    // ioredis would go on in database 0, whose keys may belong to another application.
    if (databaseRefusal(error) !== null) client.disconnect(true);
    // Waiting longer would not change the result.
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
    return error instanceof RedisUnavailable ? error : explained(error, shown);
  }

  function shown(reason: string): string {
    return address.redact(`Redis at ${address.shown}: ${reason}`);
  }

  function refuseIfClosed(): void {
    if (closed) throw new Error(shown(CLOSED));
  }

  // All waiting commands share one listener and one deadline.
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
        giveUp = () => settle(() => reject(closed ? new Error(shown(CLOSED)) : new RedisUnavailable(missing(late))));
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
    // ioredis stops reconnecting where it cannot even try, such as with an invalid address from a Sentinel.
    if (client.status === "wait" || client.status === "end") client.connect().catch(() => {});
    // A connection that is being closed still has the status "ready".
    if (client.status !== "ready" || !client.stream.writable) {
      // It reconnects by itself, so a trial of the circuit breaker need not wait where that has just failed.
      if (breaker.state() !== "closed" && lastFailure !== "") throw new RedisUnavailable(missing("no connection"));
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
    run: (command) => breaker.run(() => attempt(command)),
    runWithRetry: (command) => breaker.runWithRetry(() => attempt(command)),
    async close() {
      if (closed) return;
      closed = true;
      coming?.giveUp();
      if (client.status !== "ready") return client.disconnect();
      const ended = new Promise<void>((resolve) => client.once("end", resolve));
      // QUIT is answered after all earlier commands.
      await client.quit().catch(() => {});
      client.disconnect();
      await ended;
    },
  };
}
