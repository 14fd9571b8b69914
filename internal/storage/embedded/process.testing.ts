import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, vi } from "vitest";
import { type RunningProgram, runProgram, startProgram } from "../../../test/program.ts";
import { embeddedDirectory } from "../connection/database.testing.ts";
import { latestLockFile } from "./lock-files.ts";

/** Programs on embedded databases, for tests that end, freeze or starve them. */

const made: string[] = [];
const running: RunningProgram[] = [];

/** Kills what was started. */
export async function stopAll(): Promise<void> {
  for (const program of running.splice(0)) await program.stop("SIGKILL");
}

afterAll(async () => {
  await stopAll();
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

/** Has a directory removed when the tests of the file have ended. */
export function removeAfterwards(directory: string): void {
  made.push(directory);
}

/** Copies a migrated embedded database. */
export function newDirectory(): string {
  const directory = embeddedDirectory();
  made.push(directory);
  return directory;
}

/** The environment of a command on the database. */
export const on = (directory: string) => ({
  STELLARINDEX_DATABASE_URL: `pglite:${directory}`,
  STELLARINDEX_API_LISTEN: "127.0.0.1:0",
  STELLARINDEX_API_OPS_LISTEN: "127.0.0.1:0",
  STELLARINDEX_CONTROL_LISTEN: "127.0.0.1:0",
});

/** Runs `start` and waits until it serves. */
export async function startOn(
  directory: string,
  ...flags: string[]
): Promise<{ program: RunningProgram; child: number; ops: string }> {
  const program = startProgram(["start", ...flags], on(directory));
  running.push(program);
  const line = await program.line((text) => text.includes("/metrics"));
  const child = latestLockFile(directory)?.holder?.pid ?? 0;
  return { program, child, ops: /http:\/\/[^/]+/.exec(line)?.[0] ?? "" };
}

/** Whether the process exists, frozen or not; a zombie has ended. */
export function isThere(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Resolves once the process has ended. */
export const untilGone = (pid: number) =>
  vi.waitFor(() => expect(isThere(pid)).toBe(false), { timeout: 60_000, interval: 100 });

/** Returns the number of trades, after checking that rollups are exact. */
export const count = async (directory: string): Promise<number> => {
  const { out } = await runProgram(["rollups", "verify"], on(directory));
  return Number(/^(\d+) trades counted, 0 rollups differ$/m.exec(out)?.[1]);
};

/** Creates a file with this many trades, and the command that imports it. */
export function tradesFile(directory: string, rows: number): string {
  const file = join(directory, "trades.csv");
  const lines = Array.from({ length: rows }, (_, index) => {
    const ts = new Date(Date.UTC(2026, 0, 1) + index * 250).toISOString();
    return `${ts},kraken,XLM/USD,0.1${index % 977},${1 + (index % 89)},${index}`;
  });
  writeFileSync(file, ["ts,source,pair,price,size,trade_id", ...lines, ""].join("\n"));
  return file;
}
