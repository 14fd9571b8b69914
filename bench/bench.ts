import type { Database } from "../internal/storage/database.ts";

/** What a benchmark is run with. */
export interface BenchOptions {
  /** A server to make a database on; undefined: the embedded engine. */
  readonly server: string | undefined;
  /** How many trades to fill in; undefined: what the benchmark finds right. */
  readonly trades: number | undefined;
  /** Takes on a short run, to see that the benchmark works; its figures say nothing. */
  readonly short: boolean;
}

/** One benchmark: it prints ratios, each measured side by side in one run. */
export interface Bench {
  /** One line for the list of benchmarks. */
  readonly summary: string;
  /** It runs only when it is named. */
  readonly isNamedOnly?: true;
  readonly run: (options: BenchOptions) => Promise<void>;
}

/** What is told of the machine and the engine above every figure. */
export async function describeEngine({ sql }: Database): Promise<string> {
  const [server] = await sql<{ version: string; timescaledb: string | null }[]>`
    SELECT version() AS version, (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescaledb`;
  const name = server?.version.split(" on ")[0] ?? "unknown";
  return server?.timescaledb == null ? `${name}, plain tables` : `${name}, TimescaleDB ${server.timescaledb}`;
}
