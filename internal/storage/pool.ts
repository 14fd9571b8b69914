import type { Duplex } from "node:stream";
import postgres, { type ISql, type Options } from "postgres";

/** Runs queries: a connection pool or a transaction of it. */
export type Sql = ISql;

// The driver would turn a timestamptz into a Date and lose microseconds.
const TIMES_AS_TEXT = {
  to: 1184,
  from: [1082, 1114, 1184],
  serialize: (time: string) => time,
  parse: (time: string) => time,
};

// Times that the server writes are read again by it and shown to people: always the same way, whatever a URL, a role or a
// database has as its own. An abbreviation such as IST, which some styles have for the zone, is read as another one.
const TIMES_IN_UTC = { TimeZone: "UTC", DateStyle: "ISO" };

/** A pool of connections; texts stay texts, so that no number or time passes through a lossy type. */
export function connect(
  url: string | null,
  options: Options<Record<string, never>> & { readonly socket?: () => Promise<Duplex> },
): postgres.Sql {
  const settings = {
    connect_timeout: 10,
    // A route that is gone is noticed while nothing is asked, too.
    keep_alive: 15,
    // The driver's own grows to 20 s, and every query of a tick would wait for it.
    backoff: (attempt: number) => Math.min(1, 0.05 * 2 ** attempt),
    onnotice: () => {},
    types: { date: TIMES_AS_TEXT },
    ...options,
    connection: { application_name: "stellarindex", ...options.connection, ...TIMES_IN_UTC },
  };
  return url === null ? postgres(settings) : postgres(url, settings);
}

/**
 * Learns the types of arrays once for all connections of a pool. Else the driver asks for them on each new connection, and one
 * that is lost in between ends the process with an error that nobody can catch. `reserve` is not to be used then: on a new
 * connection it never ends.
 * @throws the error of a server that does not answer
 */
export async function learnTypes(sql: postgres.Sql): Promise<void> {
  await sql`SELECT`;
  Object.assign(sql.options, { fetch_types: false });
}
