import { rmSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { embeddedDirectory } from "../internal/storage/connection/database.testing.ts";
import { latestLockFile } from "../internal/storage/embedded/lock-files.ts";
import { type RunningProgram, runProgram } from "../test/program.ts";
import { START_ENVIRONMENT, startAndFindApi } from "./start.testing.ts";

const running: RunningProgram[] = [];
const directories = [embeddedDirectory(), embeddedDirectory()] as const;
afterAll(async () => {
  for (const program of running) if (program.process.exitCode === null) await program.stop("SIGKILL");
  for (const directory of directories) rmSync(directory, { recursive: true });
});

it("exits with the reason if its port is in use or its database is lost", async () => {
  const { program, api } = await startAndFindApi(running, "--no-market");
  const taken = await runProgram(["start", "--no-market", "--data", directories[0]], {
    ...START_ENVIRONMENT,
    STELLARINDEX_API_LISTEN: api.replace("http://", ""),
  });
  expect(taken).toMatchObject({
    status: 1,
    err: expect.stringContaining(
      "is already in use, perhaps by another process of this program; set another one with listen in [api], or with STELLARINDEX_API_LISTEN\n",
    ),
  });
  await program.stop();

  const [, data] = directories;
  const lost = await startAndFindApi(running, "--no-market", "--data", data);
  process.kill(latestLockFile(data)?.holder?.pid ?? 0, "SIGKILL");
  expect(await lost.program.ended).toBe(1);
});
