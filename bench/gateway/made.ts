import type { PostgresServer } from "../../test/faults/postgres-server.ts";

/** A gateway with a database of its own, both as processes. */
export interface BenchGateway {
  readonly database: PostgresServer;
  readonly url: string;
  readonly key: string;
  /** The configuration file, for further commands. */
  readonly config: string;
  readonly directory: string;
}
