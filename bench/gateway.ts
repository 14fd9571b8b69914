import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../internal/cache/redis/server.testing.ts";
import { hashKey, makeKey } from "../internal/http/keys.ts";
import { canStartPostgres, makePostgresServer } from "../test/faults/postgres-server.ts";
import { type RunningProgram, runProgram, startProgram } from "../test/program.ts";
import type { Bench } from "./bench.ts";
import { measureAcknowledgements } from "./gateway/acknowledgements.ts";
import type { BenchGateway } from "./gateway/made.ts";
import { compareStreams } from "./gateway/streams.ts";

export const gateway: Bench = {
  summary: "`gateway`: time to an acknowledgement while PostgreSQL restarts; NDJSON against `import`",
  async run({ trades = 500_000, short }) {
    if (!canStartPostgres("the benchmark of the gateway")) return;
    const rows = short ? 20_000 : trades;
    await withGateway(async (made) => {
      await measureAcknowledgements(made, short ? { perSecond: 100, seconds: 6 } : { perSecond: 1000, seconds: 60 });
      await compareStreams(made, rows, short ? 1 : 3);
    });
  },
};

async function withGateway(use: (made: BenchGateway) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-bench-"));
  const database = await makePostgresServer(null, {
    settings: ["fsync=on", "shared_buffers=512MB", "max_wal_size=4GB"],
  });
  let running: RunningProgram | null = null;
  try {
    await database.start();
    const [port, opsPort] = [await freePort(), await freePort()];
    const key = makeKey();
    const config = join(directory, "stellarindex.toml");
    writeFileSync(
      config,
      `[database]
url = "${database.url}"
[gateway]
listen = "127.0.0.1:${port}"
ops_listen = "127.0.0.1:${opsPort}"
journal = "${join(directory, "journal")}"
[[gateway.keys]]
name = "bench"
hash = "${hashKey(key)}"
sources = ["*"]
`,
    );
    const { status, err } = await runProgram(["migrate", "up", "--config", config]);
    if (status !== 0) throw new Error(err);
    running = startProgram(["gateway", "--config", config]);
    await running.line((line) => line.includes("gateway started"));
    await use({ database, url: `http://127.0.0.1:${port}/v1/trades`, key, config, directory });
  } finally {
    await running?.stop("SIGTERM");
    await database.remove();
    rmSync(directory, { recursive: true });
  }
}
