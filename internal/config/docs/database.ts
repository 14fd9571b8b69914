import type { Docs } from "./type.ts";

/** The prose of `[database]`. */
export const databaseDocs: Docs = {
  "database.url": `
    The database that stores the trades.

      postgres://user:password@host:5432/database   a PostgreSQL server, with or without TimescaleDB
      pglite:<directory>                            the embedded PostgreSQL, stored in a directory
      pglite:memory                                 the embedded PostgreSQL, lost when the process ends; one process only
  `,

  "database.max_connections": "The most database connections that one process opens.",

  "database.connect_timeout_seconds": "Timeout for opening a connection, in seconds.",

  "database.query_timeout_seconds": `
    Timeout of one query of a daemon, in seconds; the API has its own, [api] query_timeout_seconds. Commands that work
    through the whole database, such as import and prune, have none. Waiting for a lock may take half of it. A connection on
    which the server stays silent for two seconds longer than this is closed.
  `,

  "database.breaker_failures": `
    Consecutive failures to reach the database after which the circuit opens: queries then fail at once instead of waiting.
  `,

  "database.breaker_cooldown_seconds": `
    While the circuit is open, seconds between two attempts to reach the database, with one query each.
  `,

  "database.timescaledb": `
    "auto" uses TimescaleDB if the server has it, "require" fails without it, "off" does not use it.
  `,

  "database.retention": `
    How long each table keeps its rows, as a duration such as "720h" or "30d"; "0" keeps them for ever. On TimescaleDB,
    \`stellarindex migrate up\` sets up jobs that remove older rows; elsewhere run \`stellarindex prune\`, for instance from
    cron. Rollups are small and hold the long-term history: removing raw trades keeps them. Each table must keep more than
    the longest window.
  `,

  "database.retention.trades": `
    Raw trades. They include exchange rates; prices in currencies other than USD need those of the last 168h.
  `,
  "database.retention.trades_1m": "Rollups per minute.",
  "database.retention.trades_1h": "Rollups per hour.",
};
