import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { type Finished, type RunningProgram, runProgram, startProgram } from "../../../test/program.ts";
import { embeddedDirectory } from "../database.testing.ts";
import { latestLockFile } from "./lock-files.ts";
import { spaceLeft } from "./space.ts";

const made: string[] = [];
const running: RunningProgram[] = [];
afterEach(async () => {
  for (const program of running.splice(0)) await program.stop("SIGKILL");
});
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

function newDirectory(): string {
  const directory = embeddedDirectory();
  made.push(directory);
  return directory;
}

const on = (directory: string) => ({
  STELLARINDEX_DATABASE_URL: `pglite:${directory}`,
  STELLARINDEX_API_LISTEN: "127.0.0.1:0",
  STELLARINDEX_API_OPS_LISTEN: "127.0.0.1:0",
});

/** `start`, once it serves. */
async function startOn(directory: string): Promise<{ program: RunningProgram; child: number; ops: string }> {
  const program = startProgram(["start"], on(directory));
  running.push(program);
  const line = await program.line((text) => text.includes("/metrics"));
  const child = latestLockFile(directory)?.holder?.pid ?? 0;
  return { program, child, ops: /http:\/\/[^/]+/.exec(line)?.[0] ?? "" };
}

/** Whether there is such a process, frozen or not; a zombie has ended. */
function isThere(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

const untilGone = (pid: number) =>
  vi.waitFor(() => expect(isThere(pid)).toBe(false), { timeout: 60_000, interval: 100 });

/** How many trades there are, with exact rollups. */
const count = async (directory: string): Promise<number> => {
  const { out } = await runProgram(["rollups", "verify"], on(directory));
  return Number(/^(\d+) trades counted, 0 rollups differ$/m.exec(out)?.[1]);
};

/** A file of so many trades, and the command that imports it. */
function tradesFile(directory: string, rows: number): string {
  const file = join(directory, "trades.csv");
  const lines = Array.from({ length: rows }, (_, index) => {
    const ts = new Date(Date.UTC(2026, 0, 1) + index * 250).toISOString();
    return `${ts},kraken,XLM/USD,0.1${index % 977},${1 + (index % 89)},${index}`;
  });
  writeFileSync(file, ["ts,source,pair,price,size,trade_id", ...lines, ""].join("\n"));
  return file;
}

describe("a database process that is frozen", () => {
  it("is told of, and ends what depends on it", async () => {
    const { program, child, ops } = await startOn(newDirectory());
    process.kill(child, "SIGSTOP");
    const ready = await fetch(`${ops}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining("no answer within")]);
    expect(await program.ended).toBe(1);
    expect(program.errors()).toMatch(
      /the process of the embedded database in .* has ended: it gave no sign of life for 30 s and was ended/,
    );
    expect(isThere(child)).toBe(false);
  });

  it("does not hold an import, nor a second command", async () => {
    const directory = newDirectory();
    const program = startProgram(["import", tradesFile(directory, 200_000)], on(directory));
    running.push(program);
    await vi.waitFor(() => expect(latestLockFile(directory)?.holder).toBeTruthy(), { timeout: 60_000 });
    const child = latestLockFile(directory)?.holder?.pid ?? 0;
    const second = runProgram(["rollups", "verify"], on(directory));
    process.kill(child, "SIGSTOP");
    expect(await program.ended).toBe(1);
    expect(program.errors()).toContain("gave no sign of life");
    expect(isThere(child)).toBe(false);
    // It was waiting for that process, or had reached it.
    expect([0, 1]).toContain((await second).status);
  });

  it("does not outlive the command that is killed", async () => {
    const { program, child } = await startOn(newDirectory());
    process.kill(child, "SIGSTOP");
    await program.stop("SIGKILL");
    await untilGone(child);
  });

  it("lets the command end at SIGTERM", async () => {
    const { program, child } = await startOn(newDirectory());
    process.kill(child, "SIGSTOP");
    program.process.kill("SIGTERM");
    expect(await program.ended).not.toBeNull();
    await untilGone(child);
  });
});

it("a database process of which the parent is killed closes the database and ends", async () => {
  const directory = newDirectory();
  const { program, child } = await startOn(directory);
  await program.stop("SIGKILL");
  await untilGone(child);
  expect(latestLockFile(directory)?.holder).toBeNull();
});

/** A small disk of its own; null where this process may not mount one. */
function smallDisk(megabytes: number): string | null {
  const point = mkdtempSync(join(tmpdir(), "stellarindex-small-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", point], { stdio: "ignore" });
    return point;
  } catch {
    console.log("left out: full disks, because no file system can be mounted here");
    rmSync(point, { recursive: true });
    return null;
  }
}

describe("a disk that is full", () => {
  const disk = smallDisk(120);
  const tiny = smallDisk(8);
  afterAll(() => {
    for (const point of [disk, tiny]) {
      if (point === null) continue;
      execFileSync("umount", ["--lazy", point]);
      rmSync(point, { recursive: true });
    }
  });

  it.skipIf(tiny === null)("is named where a database was to be made, which is made once there is room", async () => {
    const point = tiny as string;
    const directory = join(point, "data");
    const file = tradesFile(newDirectory(), 1);
    expect(await runProgram(["import", file], on(directory))).toMatchObject({
      status: 1,
      err: expect.stringMatching(/did not start: .*the disk that holds .* is full: make room/),
    });
    expect(readdirSync(directory).filter((name) => name.endsWith(".draft"))).toEqual([]);
    execFileSync("mount", ["-o", "remount,size=400m", point]);
    expect(await runProgram(["import", file], on(directory))).toMatchObject({
      status: 0,
      out: expect.stringContaining("1 new, 0 known"),
    });
  });

  it.skipIf(disk === null)("is named, loses nothing, and once there is room all goes on", async () => {
    const point = disk as string;
    const directory = join(point, "data");
    const plenty = tradesFile(newDirectory(), 300_000);
    const failed = await runProgram(["import", plenty], on(directory));
    expect(failed).toMatchObject({ status: 1, err: expect.stringMatching(/no space left on device|is full/i) });
    expect(latestLockFile(directory)).not.toBeNull();

    expect(spaceLeft(directory)).toMatch(/the disk that holds .* is full: \d+ MB are left, and the database needs 48/);
    const again = await runProgram(["import", plenty], on(directory));
    expect(again).toMatchObject({ status: 1, err: expect.stringMatching(/no space left on device|is full/i) });

    execFileSync("mount", ["-o", "remount,size=900m", point]);
    expect(spaceLeft(directory)).toBeNull();
    const stored = await count(directory);
    expect(stored).toBeGreaterThan(1000);
    const done = await runProgram(["import", plenty], on(directory));
    expect(done.status).toBe(0);
    // What had been stored is known, whole batches of it.
    expect(done.out).toMatch(new RegExp(`${300_000 - stored} new, ${stored} known`));
    expect(await count(directory)).toBe(300_000);
  });
});

describe("a directory that is opened from two PID namespaces", () => {
  const isPermitted = (() => {
    try {
      execFileSync("unshare", ["--pid", "--fork", "--mount-proc", "true"], { stdio: "ignore" });
      return true;
    } catch {
      console.log("left out: PID namespaces, because they cannot be made here");
      return false;
    }
  })();

  it.skipIf(!isPermitted)("has one process that serves it, and both see the same", async () => {
    const directory = newDirectory();
    const file = join(directory, "one.csv");
    writeFileSync(file, "ts,source,pair,price,size,trade_id\n2026-01-01T00:01:00Z,kraken,XLM/USD,0.1,10,a\n");
    const inside = (...args: string[]): Promise<Finished> =>
      new Promise((resolve) => {
        const program = join(process.cwd(), "dist", "cmd", "stellarindex.js");
        const all = ["--pid", "--fork", "--mount-proc", process.execPath, program, ...args];
        const child = spawn("unshare", all, { env: { ...process.env, ...on(directory) } });
        let [out, err] = ["", ""];
        child.stdout.on("data", (data: Buffer) => {
          out += data.toString();
        });
        child.stderr.on("data", (data: Buffer) => {
          err += data.toString();
        });
        void once(child, "close").then(([status]) => resolve({ out, err, status: status as number | null }));
      });
    const { program, child } = await startOn(directory);
    const instance = latestLockFile(directory)?.holder?.instance;
    expect(await inside("import", file)).toMatchObject({ status: 0, out: expect.stringContaining("1 new, 0 known") });
    expect(latestLockFile(directory)?.holder).toMatchObject({ instance, pid: child });
    expect(await runProgram(["import", file], on(directory))).toMatchObject({
      status: 0,
      out: expect.stringContaining("0 new, 1 known"),
    });
    expect(await program.stop("SIGTERM")).toBe(0);
    // What was written through another namespace is there.
    expect(await inside("import", file)).toMatchObject({ status: 0, out: expect.stringContaining("0 new, 1 known") });
    expect(readdirSync(directory)).toContain("database");
  });
});
