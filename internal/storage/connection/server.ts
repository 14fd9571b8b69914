import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type postgres from "postgres";
import { type DatabaseAddress, parseDatabaseUrl } from "./database-url.ts";
import { isTransient } from "./errors.ts";
import { connect, learnTypes } from "./pool.ts";
import type { ServerState } from "./roles.ts";
import { type Address, openSockets, type Sockets } from "./socket.ts";

export interface ServerSettings {
  readonly maxConnections: number;
  readonly connectTimeoutSeconds: number;
  /** Longest duration of one query; null for no limit. */
  readonly queryTimeoutSeconds: number | null;
  /** Environment with libpq's variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether a URL without target_session_attrs means any server, in its order; else the primary is preferred. */
  readonly acceptsStandby: boolean;
}

/** A connection pool to a PostgreSQL server. */
export interface Server {
  readonly sql: postgres.Sql;
  /** Whether a pooler such as PgBouncer is in between. */
  readonly isPooled: boolean;
  /** Waits at most this long for running queries, then closes all connections. */
  readonly close: (timeoutSeconds: number) => Promise<void>;
}

// The read timeout is this much longer than statement_timeout, so that the server's own error arrives first.
const GRACE_SECONDS = 2;
const END_SECONDS = 5;

/**
 * Connects to the server of the URL; of several, to one by role. A first query detects a pooler: behind one, a
 * statement can reach another server session, which lacks earlier prepared statements, and startup settings are
 * rejected or leak to other clients.
 * @throws UnusableUrl, or the connection error
 */
export async function connectServer(
  url: string,
  { maxConnections, connectTimeoutSeconds, queryTimeoutSeconds, env, acceptsStandby }: ServerSettings,
): Promise<Server> {
  const address = parseDatabaseUrl(url, env);
  const { addresses, wanted, isRoleExplicit, tls, settings } = address;
  const login = loginOf(address);
  const timeoutSeconds = address.connectTimeoutSeconds ?? connectTimeoutSeconds;
  const isOpen = isRoleExplicit || acceptsStandby || addresses.length === 1;
  const openAll = (): Sockets =>
    openSockets({
      addresses,
      wanted: isOpen ? wanted : ["primary", "standby"],
      readServerState: (socket, one) => readServerState({ ...login, ...serverOf(one) }, socket),
      tls,
      connectTimeoutSeconds: timeoutSeconds,
      readTimeoutSeconds: queryTimeoutSeconds === null ? null : queryTimeoutSeconds + GRACE_SECONDS,
    });
  const [probing, sockets] = [openAll(), openAll()];
  const isPooled = await detectPooler(login, probing, addresses.length).catch((error: unknown) => {
    probing.destroy();
    throw error;
  });
  const limits = isPooled || queryTimeoutSeconds === null ? {} : limitsOf(queryTimeoutSeconds);
  const sql = connect(null, {
    ...login,
    max: maxConnections,
    prepare: !isPooled,
    connection: { ...limits, ...settings },
    socket: sockets.open,
  });
  await learnTypes(sql).catch((error: unknown) => {
    for (const each of [probing, sockets]) each.destroy();
    throw error;
  });
  return {
    sql,
    isPooled,
    close: async (timeoutSeconds) => {
      // The driver alone would wait forever for queries that were lost with their connection.
      await Promise.race([sql.end(), sockets.closed(), sleep(timeoutSeconds * 1000, null, { ref: false })]);
      for (const each of [probing, sockets]) each.destroy();
    },
  };
}

type Login = ReturnType<typeof loginOf>;

/** Returns the driver's login options. The sockets are opened here, not by the driver. */
function loginOf({ addresses, user, password, database, settings }: DatabaseAddress) {
  // With several hosts the driver would hide their errors and retry forever.
  const [first] = addresses as [Address];
  return {
    ...serverOf(first),
    ...(user === null ? {} : { user }),
    ...(password === null ? {} : { password }),
    ...(database === null ? {} : { database }),
    ssl: false as const,
    // `openSockets` has its own timeout, whose error names the server.
    connect_timeout: 0,
    connection: settings,
  };
}

/** The address in the driver's form, for its error messages. */
function serverOf(address: Address): { path: string } | { host: string; port: number } {
  return "path" in address ? { path: address.path } : { host: address.host, port: address.port };
}

/** Makes a pool of one connection without prepared statements, which works behind any pooler. */
function connectOnce(login: Login, socket: () => Promise<Duplex>): postgres.Sql {
  return connect(null, { ...login, max: 1, prepare: false, fetch_types: false, socket });
}

/**
 * Returns whether a pooler is in between: the process id that it gives for cancel requests is not the server's. With
 * several servers it retries, since the first may be down or close the connection.
 * @param sockets of its own: closing them must not count as a lost connection of the pool
 */
async function detectPooler(login: Login, sockets: Sockets, addresses: number): Promise<boolean> {
  const sql = connectOnce(login, sockets.open);
  try {
    for (let left = addresses; ; left--) {
      try {
        const answer = await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
        return answer[0]?.pid !== answer.state.pid;
      } catch (error) {
        if (left <= 1 || !isTransient(error)) throw error;
      }
    }
  } finally {
    endSoon(sql).then(sockets.destroy);
  }
}

async function readServerState(login: Login, socket: () => Promise<Duplex>): Promise<ServerState> {
  const sql = connectOnce(login, socket);
  try {
    const [row] = await sql<{ is_in_recovery: boolean }[]>`SELECT pg_is_in_recovery() AS is_in_recovery`;
    if (row?.is_in_recovery === true) return { role: "standby", timeline: 0 };
    // Servers that only speak PostgreSQL's protocol may have no WAL.
    const [file] = await sql<{ name: string }[]>`SELECT pg_walfile_name(pg_current_wal_lsn()) AS name`.catch(() => []);
    return { role: "primary", timeline: Number.parseInt(file?.name.slice(0, 8) ?? "0", 16) };
  } finally {
    endSoon(sql);
  }
}

/** Closes a pool in the background. */
function endSoon(sql: postgres.Sql): Promise<void> {
  return sql.end({ timeout: END_SECONDS }).catch(() => {});
}

/** Returns the server's own timeouts in ms; settings of the URL take precedence. */
function limitsOf(queryTimeoutSeconds: number) {
  const milliseconds = queryTimeoutSeconds * 1000;
  return {
    statement_timeout: milliseconds,
    // Shorter, so that a wait for a lock is distinguished from a slow query.
    lock_timeout: milliseconds / 2,
    // A frozen client must not keep its snapshot and its lock on the retention horizons.
    idle_in_transaction_session_timeout: milliseconds,
  };
}
