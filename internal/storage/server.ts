import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type postgres from "postgres";
import { type DatabaseAddress, parseDatabaseUrl } from "./database-url.ts";
import { isPassing } from "./errors.ts";
import { connect, learnTypes } from "./pool.ts";
import type { Standing } from "./roles.ts";
import { type Address, openSockets, type Sockets } from "./socket.ts";

export interface ServerSettings {
  readonly maxConnections: number;
  readonly connectTimeoutSeconds: number;
  /** How long one query may take; null for as long as it takes. */
  readonly queryTimeoutSeconds: number | null;
  /** Where libpq's variables are. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether any of several servers will do, in the order of the URL, where that does not say; else the primary is preferred. */
  readonly takesAny: boolean;
}

/** A pool of connections to a PostgreSQL server. */
export interface Server {
  readonly sql: postgres.Sql;
  /** Whether a pooler such as PgBouncer is between. */
  readonly isPooled: boolean;
  /** Lets running queries end, for at most so many seconds. */
  readonly close: (timeoutSeconds: number) => Promise<void>;
}

// Between the server's own word that a query took too long and ours that it says nothing.
const GRACE_SECONDS = 2;
const GOODBYE_SECONDS = 5;

/**
 * Connects to the server that the URL names; of several, to one by their roles. It has answered once, so that it is known
 * whether a pooler is between: behind one, the next statement may come to another session of the server, which knows no
 * statement that was prepared before, and the settings that a session begins with are refused or kept for others.
 * @throws UnusableUrl, or the error that it does not answer with
 */
export async function connectServer(
  url: string,
  { maxConnections, connectTimeoutSeconds, queryTimeoutSeconds, env, takesAny }: ServerSettings,
): Promise<Server> {
  const address = parseDatabaseUrl(url, env);
  const { addresses, wanted, isRoleSaid, tls, settings } = address;
  const login = loginOf(address);
  const timeoutSeconds = address.connectTimeoutSeconds ?? connectTimeoutSeconds;
  const isOpen = isRoleSaid || takesAny || addresses.length === 1;
  const openAll = (): Sockets =>
    openSockets({
      addresses,
      wanted: isOpen ? wanted : ["primary", "standby"],
      askStanding: (socket, one) => askStanding({ ...login, ...serverOf(one) }, socket),
      tls,
      connectTimeoutSeconds: timeoutSeconds,
      silenceSeconds: queryTimeoutSeconds === null ? null : queryTimeoutSeconds + GRACE_SECONDS,
    });
  const [probing, sockets] = [openAll(), openAll()];
  const isPooled = await asksPooler(login, probing, addresses.length).catch((error: unknown) => {
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
      // The driver alone would wait for queries that were lost with their connection.
      await Promise.race([sql.end(), sockets.closed(), sleep(timeoutSeconds * 1000, null, { ref: false })]);
      for (const each of [probing, sockets]) each.destroy();
    },
  };
}

type Login = ReturnType<typeof loginOf>;

/** What the driver is told of the address; which connection it gets is decided here. */
function loginOf({ addresses, user, password, database, settings }: DatabaseAddress) {
  // Of several it would hide the errors, and go on without end.
  const [first] = addresses as [Address];
  return {
    ...serverOf(first),
    ...(user === null ? {} : { user }),
    ...(password === null ? {} : { password }),
    ...(database === null ? {} : { database }),
    ssl: false as const,
    // Who opens the connection has a limit of its own, which names the server.
    connect_timeout: 0,
    connection: settings,
  };
}

/** By which the driver names it in errors. */
function serverOf(address: Address): { path: string } | { host: string; port: number } {
  return "path" in address ? { path: address.path } : { host: address.host, port: address.port };
}

/** A connection for one question, which any pooler takes as well. */
function connectOnce(login: Login, socket: () => Promise<Duplex>): postgres.Sql {
  return connect(null, { ...login, max: 1, prepare: false, fetch_types: false, socket });
}

/**
 * Whether a pooler is between: it makes up the process that its clients may cancel, as it has many for each.
 * Of several servers the first may be down, or end the connection, and the next one not.
 * @param sockets for this alone: that their connection ends says nothing against its server
 */
async function asksPooler(login: Login, sockets: Sockets, addresses: number): Promise<boolean> {
  const sql = connectOnce(login, sockets.open);
  try {
    for (let left = addresses; ; left--) {
      try {
        const answer = await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
        return answer[0]?.pid !== answer.state.pid;
      } catch (error) {
        if (left <= 1 || !isPassing(error)) throw error;
      }
    }
  } finally {
    endSoon(sql).then(sockets.destroy);
  }
}

async function askStanding(login: Login, socket: () => Promise<Duplex>): Promise<Standing> {
  const sql = connectOnce(login, socket);
  try {
    const [row] = await sql<{ is_in_recovery: boolean }[]>`SELECT pg_is_in_recovery() AS is_in_recovery`;
    if (row?.is_in_recovery === true) return { role: "standby", timeline: 0 };
    // What is no PostgreSQL inside may have no log to name.
    const [file] = await sql<{ name: string }[]>`SELECT pg_walfile_name(pg_current_wal_lsn()) AS name`.catch(() => []);
    return { role: "primary", timeline: Number.parseInt(file?.name.slice(0, 8) ?? "0", 16) };
  } finally {
    endSoon(sql);
  }
}

/** Nobody waits for its goodbye. */
function endSoon(sql: postgres.Sql): Promise<void> {
  return sql.end({ timeout: GOODBYE_SECONDS }).catch(() => {});
}

/** What the server puts an end to by itself, in ms; the URL's own limits come before. */
function limitsOf(queryTimeoutSeconds: number) {
  const milliseconds = queryTimeoutSeconds * 1000;
  return {
    statement_timeout: milliseconds,
    // Less, so that a lock that is held is told from a query that takes long.
    lock_timeout: milliseconds / 2,
    // A process that is frozen keeps no snapshot, nor its lock on the retention horizons.
    idle_in_transaction_session_timeout: milliseconds,
  };
}
