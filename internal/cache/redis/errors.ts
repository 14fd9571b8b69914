import {
  type CircuitBreaker,
  type CircuitOptions,
  makeCircuitBreaker,
  NO_CIRCUIT_BREAKER,
} from "../../lib/circuit-breaker.ts";
import { COMMAND_TIMEOUT_MS } from "./options.ts";

/** Redis did not answer; an error reply is not this. */
export class RedisUnavailable extends Error {}

/** The connection was lost during a command; a retry may succeed. */
class ConnectionLost extends RedisUnavailable {}

const LOST = "the connection was lost";

/**
 * Returns the circuit breaker of Redis, one for all connections of a process; without options it is always closed. An
 * error reply (READONLY, OOM, NOREPLICAS, WRONGTYPE) counts as an answer. A server that is loading, or refuses the
 * password, allows no connection, and counts as unavailable.
 */
export function makeRedisCircuitBreaker(options: CircuitOptions | undefined): CircuitBreaker {
  if (options === undefined) return NO_CIRCUIT_BREAKER;
  const isAway = (error: unknown): boolean => error instanceof RedisUnavailable;
  return makeCircuitBreaker("Redis", options, isAway, (error) => error instanceof ConnectionLost);
}

/**
 * Converts an error of ioredis to one without secrets: only the text is kept, since ioredis attaches the command with
 * its arguments to errors, and those of AUTH contain the password.
 * @param shown formats the message for a reason
 */
export function explained(error: unknown, shown: (reason: string) => string): Error {
  const reason = reasonOf(error);
  if (reason === LOST) return new ConnectionLost(shown(reason));
  return (error as Error | null)?.name === "ReplyError"
    ? new Error(shown(reason))
    : new RedisUnavailable(shown(reason));
}

/** Returns why the server refuses this client, and the fix; null for other errors. */
export function refusalOf(error: Error): string | null {
  return databaseRefusal(error) ?? loginRefusal(reasonOf(error));
}

/**
 * Returns why the server refuses the URL's database, since ioredis would go on in database 0; null for other errors.
 */
export function databaseRefusal(error: Error): string | null {
  const { name, message, command } = error as Error & { readonly command?: { readonly name: string } };
  if (name !== "ReplyError" || command?.name !== "select") return null;
  return `the server refuses the database number in [redis] url (${message}); check the number, and that the user may select it (+select)`;
}

function loginRefusal(reason: string): string | null {
  const [, said = ""] = /^(?:Ready check failed: )?((?:NOAUTH|WRONGPASS|ERR invalid password).*)$/.exec(reason) ?? [];
  if (said === "") return null;
  return said.startsWith("NOAUTH")
    ? `the server requires a password (${said}); add it to [redis] url`
    : `the server refuses the password (${said}); check user and password in [redis] url`;
}

/** Returns the reason of an error of ioredis, for operators; it may contain a secret. */
export function reasonOf(error: unknown): string {
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
  if (error.message.startsWith("Unknown RESP type")) return "the server there is not a Redis server";
  // A host with several addresses fails with an AggregateError, whose message is empty.
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}

/** Returns the reason of an error of one Sentinel, for operators; it may contain a secret. */
export function sentinelReasonOf({ message }: Error): string {
  const [, failed, why] = /^failed to connect to sentinel (\S+) because (.*)$/s.exec(message) ?? [];
  if (failed !== undefined) {
    return `sentinel ${failed} ${why === "Connection is closed." ? "cannot be reached" : `failed: ${why}`}`;
  }
  const [, ignorant] = /^connected to sentinel (\S+) successfully/.exec(message) ?? [];
  return ignorant === undefined ? message : `sentinel ${ignorant} knows no primary of this name`;
}
