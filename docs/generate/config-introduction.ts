import { type Block, blocksOf } from "./text.ts";

/** How to write the configuration: the introduction of the example file and of the page. */
export const CONFIG_INTRODUCTION: readonly Block[] = blocksOf(`
  \`stellarindex config check\` reports problems and fixes; \`stellarindex config print\` shows the values in effect and
  where each comes from. Unknown keys and invalid values are errors: nothing starts with them.

  Durations use Go's format: "90s", "5m", "1h30m", "24h". Keys that end in _seconds are numbers of seconds.

  An environment variable overrides each key: STELLARINDEX_, the section and the key, in capitals, joined by underscores.
  Variables take precedence over the file, and the file over the defaults; an empty variable counts as unset.

    STELLARINDEX_AGGREGATE_INTERVAL_SECONDS=15             a number, true or false, or unquoted text
    STELLARINDEX_DATABASE_RETENTION_TRADES=720h            [database.retention] trades
    STELLARINDEX_AGGREGATE_WINDOWS=5m,1h                   a list, comma-separated or in TOML
    STELLARINDEX_AGGREGATE_PEGS={ "crypto:GUSD" = "USD" }  a table, in TOML; replaces the file's table
    STELLARINDEX_SOURCES=[{ name = "sdex", weight = 50 }]  a list of tables, in TOML; replaces the file's
`);
