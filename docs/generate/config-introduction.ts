import { type Block, blocksOf } from "./text.ts";

/** How the configuration is written, for the example file and for the page. */
export const CONFIG_INTRODUCTION: readonly Block[] = blocksOf(`
  \`stellarindex config check\` says what is wrong with a file; \`stellarindex config print\` shows the values in effect
  and where each comes from. A key that is not known, or a value that cannot be used, refuses the start.

  Durations are written as in Go: "90s", "5m", "1h30m", "24h". Keys that end in _seconds are numbers of seconds.

  Every key can be overridden by an environment variable: STELLARINDEX_, the section and the key, in capitals, with
  underscores. The variable goes before the file, the file before the default; an empty variable is not set.

    STELLARINDEX_AGGREGATE_INTERVAL_SECONDS=15             a number, true or false, or a text as it is
    STELLARINDEX_DATABASE_RETENTION_TRADES=720h            [database.retention] trades
    STELLARINDEX_AGGREGATE_WINDOWS=5m,1h                   a list, with commas or in TOML
    STELLARINDEX_AGGREGATE_PEGS={ "crypto:GUSD" = "USD" }  a table, in TOML; replaces the file's table
    STELLARINDEX_SOURCES=[{ name = "sdex", weight = 50 }]  a list of tables, in TOML; replaces the file's
`);
