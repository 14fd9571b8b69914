import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type postgres from "postgres";
import { connect } from "./pool.ts";
import { type Role, wantedRoles } from "./roles.ts";
import { type Address, openSockets } from "./socket.ts";

export interface ServerSettings {
  readonly maxConnections: number;
  readonly connectTimeoutSeconds: number;
  /** How long one query may take; null for as long as it takes. */
  readonly queryTimeoutSeconds: number | null;
  /** Whether any of several servers will do, in the order of the URL, where that does not say; else the primary is preferred. */
  readonly takesAny: boolean;
}

/** A pool of connections to a PostgreSQL server. */
export interface Server {
  readonly sql: postgres.Sql;
  /** How many servers the URL names. */
  readonly addresses: number;
  /** Lets running queries end, for at most so many seconds. */
  readonly close: (timeoutSeconds: number) => Promise<void>;
}

// Between the server's own word that a query took too long and ours that it says nothing.
const GRACE_SECONDS = 2;

/**
 * Connects to the server that the URL names; of several, to one by their roles. Nothing is opened before it is needed.
 * @throws DatabaseUnusable where it asks for a role that there is not
 */
export function connectServer(
  given: string,
  { maxConnections, connectTimeoutSeconds, queryTimeoutSeconds, takesAny }: ServerSettings,
): Server {
  const { url, wanted, isSaid } = wantedRoles(given);
  // The driver reads the URL; which connection it gets is decided here.
  const options = connect(url, {}).options as postgres.ParsedOptions & { sslnegotiation?: string | null };
  const { host, port, path, ssl, sslnegotiation = null } = options;
  const addresses: Address[] = path
    ? [{ path }]
    : host.map((name, index) => ({ host: name, port: port[index] as number }));
  const isOpen = isSaid || takesAny || addresses.length === 1;
  const sockets = openSockets({
    addresses,
    wanted: isOpen ? wanted : ["primary", "standby"],
    askRole: (socket, address) => askRole(url, socket, address, connectTimeoutSeconds),
    tls: ssl === false ? null : { mode: ssl, negotiation: sslnegotiation },
    connectTimeoutSeconds,
    silenceSeconds: queryTimeoutSeconds === null ? null : queryTimeoutSeconds + GRACE_SECONDS,
  });
  const sql = connect(url, {
    max: maxConnections,
    connect_timeout: connectTimeoutSeconds,
    ssl: false,
    // Of several it would hide the errors, and go on without end.
    ...(path ? {} : { host: host[0], port: port[0] }),
    connection: queryTimeoutSeconds === null ? {} : limitsOf(queryTimeoutSeconds),
    socket: sockets.open,
  });
  return {
    sql,
    addresses: addresses.length,
    close: async (timeoutSeconds) => {
      // The driver alone would wait for queries that were lost with their connection.
      await Promise.race([sql.end(), sockets.closed(), sleep(timeoutSeconds * 1000, null, { ref: false })]);
      sockets.destroy();
    },
  };
}

async function askRole(
  url: string,
  socket: () => Promise<Duplex>,
  address: Address,
  timeoutSeconds: number,
): Promise<Role> {
  const at = "path" in address ? {} : address;
  const sql = connect(url, { max: 1, connect_timeout: timeoutSeconds, ssl: false, ...at, socket });
  try {
    const [row] = await sql<{ is_in_recovery: boolean }[]>`SELECT pg_is_in_recovery() AS is_in_recovery`;
    return row?.is_in_recovery === true ? "standby" : "primary";
  } finally {
    // Nobody waits for its goodbye.
    sql.end({ timeout: timeoutSeconds }).catch(() => {});
  }
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
