import { describe, it, vi } from "vitest";
import { runProgram, startProgram } from "../../../test/program.ts";
import { latestLockFile } from "./lock-files.ts";
import { isThere, newDirectory, on, startOn, tradesFile, untilGone } from "./process.testing.ts";

// Each waits for a watchdog.
describe("a database process that is frozen", () => {
  it.concurrent("is reported, and the daemon that depends on it exits", async ({ expect }) => {
    const { program, child, ops } = await startOn(newDirectory());
    process.kill(child, "SIGSTOP");
    const ready = await fetch(`${ops}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining("no answer within")]);
    expect(await program.ended).toBe(1);
    expect(program.errors()).toMatch(
      /the process of the embedded database in .* has ended: it sent no heartbeat for 30 s and was killed/,
    );
    expect(isThere(child)).toBe(false);
  });

  it.concurrent("blocks neither an import nor a second command", async ({ expect, onTestFinished }) => {
    const directory = newDirectory();
    const program = startProgram(["import", tradesFile(directory, 200_000)], on(directory));
    onTestFinished(async () => {
      await program.stop("SIGKILL");
    });
    await vi.waitFor(() => expect(latestLockFile(directory)?.holder).toBeTruthy(), { timeout: 60_000 });
    const child = latestLockFile(directory)?.holder?.pid ?? 0;
    const second = runProgram(["rollups", "verify"], on(directory));
    process.kill(child, "SIGSTOP");
    expect(await program.ended).toBe(1);
    expect(program.errors()).toContain("sent no heartbeat");
    expect(isThere(child)).toBe(false);
    // It waited for that process, or was connected to it.
    expect([0, 1]).toContain((await second).status);
  });

  it.concurrent("ends when its command is killed", async () => {
    const { program, child } = await startOn(newDirectory());
    process.kill(child, "SIGSTOP");
    await program.stop("SIGKILL");
    await untilGone(child);
  });

  it.concurrent("does not prevent the command from ending on SIGTERM", async ({ expect }) => {
    const { program, child } = await startOn(newDirectory());
    process.kill(child, "SIGSTOP");
    program.process.kill("SIGTERM");
    expect(await program.ended).not.toBeNull();
    await untilGone(child);
  });
});
