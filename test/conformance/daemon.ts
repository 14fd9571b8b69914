import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashKey, makeKey } from "../../internal/http/keys.ts";
import { startProgram } from "../program.ts";
import type { ControlAccess } from "./control-client.ts";

/** A control daemon with a key of an operator and one of workers. */
export interface ControlDaemon {
  readonly url: string;
  readonly operator: ControlAccess;
  /** A key with the scope jobs:work. */
  readonly workKey: string;
  readonly stop: () => Promise<void>;
}

/** Starts the control daemon on a migrated database. */
export async function startControlDaemon(databaseUrl: string): Promise<ControlDaemon> {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-conformance-"));
  const keys = { operator: makeKey(), worker: makeKey() };
  const config = join(directory, "config.toml");
  writeFileSync(
    config,
    `[control]
listen = "127.0.0.1:0"
ops_listen = "127.0.0.1:0"

[[control.keys]]
name = "operator"
hash = "${hashKey(keys.operator)}"
scopes = ["control:operate"]

[[control.keys]]
name = "worker"
hash = "${hashKey(keys.worker)}"
scopes = ["jobs:work"]
`,
  );
  const program = startProgram(["control"], {
    STELLARINDEX_CONFIG: config,
    STELLARINDEX_DATABASE_URL: databaseUrl,
    STELLARINDEX_DATABASE_TIMESCALEDB: "off",
  });
  const { control: url } = JSON.parse(await program.line((line) => line.includes("control started")));
  return {
    url,
    operator: { url, key: keys.operator },
    workKey: keys.worker,
    stop: async () => {
      await program.stop();
      rmSync(directory, { recursive: true });
    },
  };
}
