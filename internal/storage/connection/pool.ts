import type { Duplex } from "node:stream";
import postgres, { type ISql, type Options } from "postgres";

/** Runs queries: a connection pool or a transaction of it. */
export type Sql = ISql;

// The driver would parse a timestamptz into a Date and lose the microseconds.
const TIMES_AS_TEXT = {
  to: 1184,
  from: [1082, 1114, 1184],
  serialize: (time: string) => time,
  parse: (time: string) => time,
};

// Times that the server formats are parsed by it again, so their format must not depend on settings of URL, role or
// database. Some styles write an ambiguous zone abbreviation such as IST.
const TIMES_IN_UTC = { TimeZone: "UTC", DateStyle: "ISO" };

/** Makes a connection pool. Numerics and times stay text, so that none passes through a lossy type. */
export function connect(
  url: string | null,
  options: Options<Record<string, never>> & { readonly socket?: () => Promise<Duplex> },
): postgres.Sql {
  const settings = {
    connect_timeout: 10,
    // TCP keepalive, in seconds, detects a broken route on idle connections.
    keep_alive: 15,
    // The driver's default grows to 20 s, for which every query of a tick would wait.
    backoff: (attempt: number) => Math.min(1, 0.05 * 2 ** attempt),
    onnotice: () => {},
    types: { date: TIMES_AS_TEXT },
    ...options,
    connection: { application_name: "stellarindex", ...options.connection, ...TIMES_IN_UTC },
  };
  return url === null ? postgres(settings) : postgres(url, settings);
}

/**
 * Fetches the array types once for all connections of a pool. By default the driver fetches them on each new
 * connection; if that is lost meanwhile, the process ends with an uncatchable error. After this, `reserve` must not be
 * used: it never settles on a new connection.
 * @throws Error if the server does not answer
 */
export async function learnTypes(sql: postgres.Sql): Promise<void> {
  await sql`SELECT`;
  Object.assign(sql.options, { fetch_types: false });
}
