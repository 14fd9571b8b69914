import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestDatabase } from "../../internal/storage/connection/database.testing.ts";
import { runProgram } from "../program.ts";
import { CASES } from "./cases.ts";
import { type ControlDaemon, startControlDaemon } from "./daemon.ts";
import { startLossyProxy } from "./lossy-proxy.ts";
import { PROCESS_CASES } from "./process-cases.ts";
import { startWorker } from "./worker-process.ts";

const USAGE = `usage: npm run conformance -- COMMAND [ARGUMENT…]

Runs the conformance suite of the worker protocol against a worker that the command starts; docs/worker-protocol.md says what
it has to do. STELLARINDEX_TEST_POSTGRES_URL names a PostgreSQL server to use; without it the database is an embedded one.
`;

/** Prints how each case went, and returns whether all went well. */
async function runAgainst(command: readonly string[], daemon: ControlDaemon): Promise<boolean> {
  const network = await startLossyProxy(daemon.url);
  const worker = startWorker(command, network.url, daemon.workKey);
  let failures = 0;
  const run = async ({ name, check }: (typeof PROCESS_CASES)[number]): Promise<void> => {
    try {
      await check(daemon.operator, worker);
      console.log(`ok      ${name}`);
    } catch (error) {
      failures++;
      console.log(`FAILED  ${name}\n${(error as Error).message}`);
    }
  };
  try {
    await Promise.all(CASES.map(run));
    for (const each of PROCESS_CASES) await run(each);
  } finally {
    worker.kill("SIGKILL");
    network.close();
  }
  console.log(
    failures === 0 ? "the worker conforms" : `${failures} cases failed; the worker printed:\n${worker.errors()}`,
  );
  return failures === 0;
}

async function makeDatabase(): Promise<{ readonly url: string; readonly drop: () => Promise<void> }> {
  const server = process.env["STELLARINDEX_TEST_POSTGRES_URL"] ?? "";
  if (server !== "") return createTestDatabase({ name: "postgres", timescaledb: "off", server });
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-conformance-"));
  return { url: `pglite:${join(directory, "data")}`, drop: async () => rmSync(directory, { recursive: true }) };
}

const command = process.argv.slice(2);
if (command.length === 0) {
  process.stderr.write(USAGE);
  process.exit(2);
}
const database = await makeDatabase();
try {
  const environment = { STELLARINDEX_DATABASE_URL: database.url, STELLARINDEX_DATABASE_TIMESCALEDB: "off" };
  const migrated = await runProgram(["migrate", "up"], environment);
  if (migrated.status !== 0) throw new Error(migrated.err);
  const daemon = await startControlDaemon(database.url);
  try {
    if (!(await runAgainst(command, daemon))) process.exitCode = 1;
  } finally {
    await daemon.stop();
  }
} finally {
  await database.drop();
}
