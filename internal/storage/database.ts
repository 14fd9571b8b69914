import type postgres from "postgres";
import type { Micros } from "../canonical/time.ts";
import { type CircuitOptions, type Guard, makeGuard, NO_GUARD } from "../resilience/guard.ts";
import { openEmbedded } from "./embedded/open.ts";
import { isPassing, isUnavailable } from "./errors.ts";
import { cannotOpen } from "./refusals.ts";
import { connectServer } from "./server.ts";
import { type ReplayPosition, readPosition } from "./standby.ts";

export type { Sql } from "./pool.ts";

/** The part of `[database]` that opening needs. */
export interface DatabaseSettings {
  readonly url: string;
  readonly max_connections: number;
  readonly connect_timeout_seconds?: number;
}

/** What a daemon puts up with; a command at a terminal waits for as long as it takes. */
export interface Patience {
  /** How long one query may take. */
  readonly queryTimeoutSeconds?: number;
  /** When the database is left alone. */
  readonly circuit?: CircuitOptions;
  /** Told at each sign of life and each snapshot how far a standby is complete; null of a primary. */
  readonly onAnswer?: (position: ReplayPosition | null) => void;
  /** Whether a standby will do where a URL of several servers does not say: for who answers only what is complete. */
  readonly takesAny?: boolean;
}

export interface Database {
  readonly sql: postgres.Sql;
  readonly engine: "postgres" | "embedded";
  /** Whether a pooler such as PgBouncer is between, which has sessions of its own. */
  readonly isPooled?: boolean;
  /** What reading goes through. */
  readonly guard: Guard;
  readonly onAnswer?: Patience["onAnswer"];
  /** What will keep it from taking writes although it answers; null where nothing does. */
  readonly trouble?: () => string | null;
  /** Lets running queries end, for at most a few seconds. */
  readonly close: () => Promise<void>;
}

const EMBEDDED = "pglite:";
const CLOSE_TIMEOUT_SECONDS = 5;

/** What a database says of itself: the time by its clock, and of a standby, how far it is complete. */
export interface SignOfLife {
  readonly now: Micros;
  readonly position: ReplayPosition | null;
}

/**
 * Asks for a sign of life.
 * @throws Error where the database does not answer, see `isUnavailable`
 */
export async function pingDatabase({ sql, guard, onAnswer }: Database): Promise<SignOfLife> {
  const alive = await guard.runSafely(() => readPosition(sql));
  onAnswer?.(alive.position);
  return alive;
}

/**
 * Opens the database that the URL names: `postgres://…`, or `pglite:<dir>` / `pglite:memory` for the embedded one.
 * `onLost` is told when the embedded one has ended by itself: this handle then never answers again, a new one may.
 * @throws DatabaseUnusable with the cure, never with the password
 */
export async function openDatabase(
  { url, max_connections, connect_timeout_seconds = 5 }: DatabaseSettings,
  {
    queryTimeoutSeconds,
    circuit,
    onAnswer,
    takesAny = false,
    onLost = () => {},
    env = process.env,
  }: Patience & {
    readonly onLost?: (reason: string) => void;
    /** Where libpq's variables are, which count where the URL says nothing. */
    readonly env?: Readonly<Record<string, string | undefined>>;
  } = {},
): Promise<Database> {
  if (url.startsWith(EMBEDDED)) {
    return openEmbedded(url.slice(EMBEDDED.length), { onLost, queryTimeoutSeconds: queryTimeoutSeconds ?? null });
  }
  const server = await connectServer(url, {
    maxConnections: max_connections,
    connectTimeoutSeconds: connect_timeout_seconds,
    queryTimeoutSeconds: queryTimeoutSeconds ?? null,
    env,
    takesAny,
  }).catch((error: unknown) => {
    throw cannotOpen(error);
  });
  const guard = circuit === undefined ? NO_GUARD : makeGuard("the database", circuit, isUnavailable, isPassing);
  const { sql, isPooled } = server;
  return { sql, engine: "postgres", isPooled, guard, onAnswer, close: () => server.close(CLOSE_TIMEOUT_SECONDS) };
}
