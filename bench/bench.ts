import type { Database } from "../internal/storage/connection/database.ts";

/** The parameters of a benchmark. */
export interface BenchOptions {
  /** The server on which to create a database; undefined for the embedded engine. */
  readonly server: string | undefined;
  /** The number of trades to write; undefined for the benchmark's default. */
  readonly trades: number | undefined;
  /** A short run that only shows that the benchmark works; its figures are meaningless. */
  readonly short: boolean;
}

/** A benchmark, which prints ratios that are measured side by side in one run. */
export interface Bench {
  /** The line in the list of benchmarks. */
  readonly summary: string;
  /** Whether it runs only when it is named. */
  readonly isNamedOnly?: true;
  readonly run: (options: BenchOptions) => Promise<void>;
}

/** Describes the machine and the engine, above the figures. */
export async function describeEngine({ sql }: Database): Promise<string> {
  const [server] = await sql<{ version: string; timescaledb: string | null }[]>`
    SELECT version() AS version, (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescaledb`;
  const name = server?.version.split(" on ")[0] ?? "unknown";
  return server?.timescaledb == null ? `${name}, plain tables` : `${name}, TimescaleDB ${server.timescaledb}`;
}
