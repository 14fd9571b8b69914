import { type CircuitOptions, type Guard, makeGuard, NO_GUARD } from "../resilience/guard.ts";
import { COMMAND_TIMEOUT_MS } from "./redis-options.ts";

/** Redis did not answer, as opposed to having refused a command. */
export class RedisAway extends Error {}

/** The connection ended with the command under way; the next one may well be answered. */
class ConnectionLost extends RedisAway {}

const LOST = "the connection was lost";

/**
 * The circuit around Redis, one for all connections of a process; without options it is always closed. A reply that
 * refuses a command (READONLY, OOM, NOREPLICAS, WRONGTYPE) is an answer. A server that is still loading, or refuses the
 * password, lets no connection up, so that it counts as away.
 */
export function makeRedisGuard(options: CircuitOptions | undefined): Guard {
  if (options === undefined) return NO_GUARD;
  const isAway = (error: unknown): boolean => error instanceof RedisAway;
  return makeGuard("Redis", options, isAway, (error) => error instanceof ConnectionLost);
}

/**
 * An error of ioredis as one that is safe to show: only the text is kept, since ioredis hangs the command with its
 * arguments on errors, and AUTH's hold the password.
 * @param shown makes the message of the reason
 */
export function explained(error: unknown, shown: (reason: string) => string): Error {
  const reason = reasonOf(error);
  if (reason === LOST) return new ConnectionLost(shown(reason));
  return (error as Error | null)?.name === "ReplyError" ? new Error(shown(reason)) : new RedisAway(shown(reason));
}

/** Why a server cannot be used by who connects as we do, and the cure; null where it is something else. */
export function refusalOf(error: Error): string | null {
  return databaseRefusal(error) ?? loginRefusal(reasonOf(error));
}

/** ioredis goes on in database 0 where it is refused the one of the URL. */
export function databaseRefusal(error: Error): string | null {
  const { name, message, command } = error as Error & { readonly command?: { readonly name: string } };
  if (name !== "ReplyError" || command?.name !== "select") return null;
  return `the server refuses the database that [redis] url names after the host (${message}); check its number, and that the user may select it (+select)`;
}

function loginRefusal(reason: string): string | null {
  const [, said = ""] = /^(?:Ready check failed: )?((?:NOAUTH|WRONGPASS|ERR invalid password).*)$/.exec(reason) ?? [];
  if (said === "") return null;
  return said.startsWith("NOAUTH")
    ? `the server wants a password (${said}); write it into [redis] url`
    : `the server refuses the password (${said}); check user and password in [redis] url`;
}

/** What an error of ioredis says, in words for an operator; it may hold a secret. */
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
  if (error.message.startsWith("Unknown RESP type")) return "what answers there is no Redis";
  // A host with several addresses fails with an AggregateError, whose message is empty.
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}

/** What ioredis tells of one sentinel, in words for an operator; it may hold a secret. */
export function sentinelReasonOf({ message }: Error): string {
  const [, failed, why] = /^failed to connect to sentinel (\S+) because (.*)$/s.exec(message) ?? [];
  if (failed !== undefined) {
    return `sentinel ${failed} ${why === "Connection is closed." ? "cannot be reached" : `failed: ${why}`}`;
  }
  const [, ignorant] = /^connected to sentinel (\S+) successfully/.exec(message) ?? [];
  return ignorant === undefined ? message : `sentinel ${ignorant} knows no primary of this name`;
}
