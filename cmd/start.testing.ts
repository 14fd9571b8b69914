import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningProgram, startProgram } from "../test/program.ts";

/** A directory for temporary files of its own, since `start` announces itself to other commands of its user there. */
const TEMPORARY = mkdtempSync(join(tmpdir(), "stellarindex-start-"));
process.once("exit", () => rmSync(TEMPORARY, { recursive: true, force: true }));

/** Settings of `start` under which a test sees a tick within seconds. */
export const START_ENVIRONMENT = {
  TMPDIR: TEMPORARY,
  STELLARINDEX_API_LISTEN: "127.0.0.1:0",
  STELLARINDEX_API_OPS_LISTEN: "127.0.0.1:0",
  STELLARINDEX_CONTROL_LISTEN: "127.0.0.1:0",
  STELLARINDEX_AGGREGATE_INTERVAL_SECONDS: "3",
  STELLARINDEX_AGGREGATE_BUCKET_SECONDS: "3",
  STELLARINDEX_AGGREGATE_SETTLE_SECONDS: "2",
};

/** Runs `start` until it says where its API listens. Whoever calls this stops the program, also where a test fails. */
export async function startAndFindApi(
  running: RunningProgram[],
  ...args: string[]
): Promise<{ program: RunningProgram; api: string }> {
  const program = startProgram(["start", ...args], START_ENVIRONMENT);
  running.push(program);
  const line = await program.line((text) => text.includes("/v1/price?pair=XLM/USD"));
  return { program, api: /http:\/\/[^/]+/.exec(line)?.[0] ?? "" };
}
