import type { Docs } from "./docs.ts";

/** The prose of `[database]`. */
export const databaseDocs: Docs = {
  "database.url": `
    Where trades are kept.

      postgres://user:password@host:5432/database   a PostgreSQL server, with or without TimescaleDB
      pglite:<directory>                            the embedded PostgreSQL, in a directory
      pglite:memory                                 the embedded PostgreSQL, forgotten at the end; one process only
  `,

  "database.max_connections": "Connections to the database that one process opens at most.",

  "database.connect_timeout_seconds": "Seconds that opening a connection may take.",

  "database.query_timeout_seconds": `
    Seconds that one query of a daemon may take before it is given up; the API has a limit of its own, [api]
    query_timeout_seconds. Commands that work through a whole database, such as import and prune, have none.
    Waiting for a lock may take half of it, and a server that says nothing for two seconds longer is left.
  `,

  "database.breaker_failures": `
    After so many failures in a row to reach the database it is left alone, so that nobody waits for it.
  `,

  "database.breaker_cooldown_seconds": `
    While the database is left alone, it is tried with one query each time so many seconds have passed.
  `,

  "database.timescaledb": `
    "auto" uses TimescaleDB where it is there, "require" refuses to go on without it, "off" leaves it alone.
  `,

  "database.retention": `
    How long each table keeps its rows, as a duration such as "720h" or "30d"; "0" keeps them for ever. On TimescaleDB,
    jobs that \`stellarindex migrate up\` sets up drop what is older; elsewhere \`stellarindex prune\` does, run from
    cron for instance. Rollups are small and are the long memory: dropping raw trades leaves them. A table must reach back
    further than the longest window.
  `,

  "database.retention.trades": `
    Raw trades. Exchange rates are among them, of which prices in other currencies than USD need the last 168h.
  `,
  "database.retention.trades_1m": "Sums per minute.",
  "database.retention.trades_1h": "Sums per hour.",
};
