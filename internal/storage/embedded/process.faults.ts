import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { smallDisk } from "../../../test/faults/small-disk.ts";
import { type Finished, type RunningProgram, runProgram, startProgram } from "../../../test/program.ts";
import { freePort } from "../../cache/redis/server.testing.ts";
import { embeddedDirectory } from "../connection/database.testing.ts";
import { diskSpaceProblem } from "./disk-space.ts";
import { latestLockFile } from "./lock-files.ts";
import { openEmbedded } from "./open.ts";

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

/** Runs `start` and waits until it serves. */
async function startOn(
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
function isThere(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

const untilGone = (pid: number) =>
  vi.waitFor(() => expect(isThere(pid)).toBe(false), { timeout: 60_000, interval: 100 });

/** Returns the number of trades, after checking that rollups are exact. */
const count = async (directory: string): Promise<number> => {
  const { out } = await runProgram(["rollups", "verify"], on(directory));
  return Number(/^(\d+) trades counted, 0 rollups differ$/m.exec(out)?.[1]);
};

/** Creates a file with this many trades, and the command that imports it. */
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
  it("is reported, and the daemon that depends on it exits", async () => {
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

  it("blocks neither an import nor a second command", async () => {
    const directory = newDirectory();
    const program = startProgram(["import", tradesFile(directory, 200_000)], on(directory));
    running.push(program);
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

  it("ends when its command is killed", async () => {
    const { program, child } = await startOn(newDirectory());
    process.kill(child, "SIGSTOP");
    await program.stop("SIGKILL");
    await untilGone(child);
  });

  it("does not prevent the command from ending on SIGTERM", async () => {
    const { program, child } = await startOn(newDirectory());
    process.kill(child, "SIGSTOP");
    program.process.kill("SIGTERM");
    expect(await program.ended).not.toBeNull();
    await untilGone(child);
  });
});

it("a database process whose parent is killed closes the database and ends", async () => {
  const directory = newDirectory();
  const { program, child } = await startOn(directory);
  await program.stop("SIGKILL");
  await untilGone(child);
  expect(latestLockFile(directory)?.holder).toBeNull();
});

describe("a full disk", () => {
  const disk = smallDisk(120);
  const tiny = smallDisk(8);
  const served = smallDisk(200);
  afterAll(() => {
    for (const point of [disk, tiny, served]) {
      if (point === null) continue;
      execFileSync("umount", ["--lazy", point]);
      rmSync(point, { recursive: true });
    }
  });

  it.skipIf(tiny === null)("is reported when a database is created, which succeeds once there is space", async () => {
    const point = tiny as string;
    const directory = join(point, "data");
    const file = tradesFile(newDirectory(), 1);
    expect(await runProgram(["import", file], on(directory))).toMatchObject({
      status: 1,
      err: expect.stringMatching(/did not start: .*the disk of .* is full: free space/),
    });
    expect(readdirSync(directory).filter((name) => name.endsWith(".draft"))).toEqual([]);
    execFileSync("mount", ["-o", "remount,size=400m", point]);
    expect(await runProgram(["import", file], on(directory))).toMatchObject({
      status: 0,
      out: expect.stringContaining("1 new, 0 duplicates"),
    });
  });

  it.skipIf(served === null)("does not prevent other commands from connecting to the serving process", async () => {
    const point = served as string;
    const directory = join(point, "data");
    cpSync(newDirectory(), directory, { recursive: true });
    await startOn(directory, "--no-market");
    expect((await runProgram(["import", tradesFile(newDirectory(), 1000)], on(directory))).status).toBe(0);
    // No directory has space for another entry.
    execFileSync("mount", ["-o", `remount,nr_inodes=${statfsSync(point).files - statfsSync(point).ffree}`, point]);
    expect(diskSpaceProblem(directory)).toMatch(/has only 0 free inodes \(df -i\), the database needs/);
    expect(await runProgram(["rollups", "verify"], on(directory))).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^1000 trades counted, 0 rollups differ/),
    });
  });

  it.skipIf(disk === null)("is reported, loses no data, and writes continue once there is space", async () => {
    const point = disk as string;
    const directory = join(point, "data");
    const plenty = tradesFile(newDirectory(), 300_000);
    const failed = await runProgram(["import", plenty], on(directory));
    expect(failed).toMatchObject({ status: 1, err: expect.stringMatching(/no space left on device|is full/i) });
    expect(latestLockFile(directory)).not.toBeNull();

    expect(diskSpaceProblem(directory)).toMatch(
      /the disk of .* is nearly full: \d+ MB are left, the database needs 48 MB/,
    );
    const again = await runProgram(["import", plenty], on(directory));
    expect(again).toMatchObject({ status: 1, err: expect.stringMatching(/no space left on device|is full/i) });

    execFileSync("mount", ["-o", "remount,size=900m", point]);
    expect(diskSpaceProblem(directory)).toBeNull();
    const stored = await count(directory);
    expect(stored).toBeGreaterThan(1000);
    const done = await runProgram(["import", plenty], on(directory));
    expect(done.status).toBe(0);
    // Rows that had been stored count as duplicates, in whole batches.
    expect(done.out).toMatch(new RegExp(`${300_000 - stored} new, ${stored} duplicates`));
    expect(await count(directory)).toBe(300_000);
  });
});

describe("a directory whose files are moved while a process serves it", () => {
  const acts: readonly [what: string, from: (directory: string) => string][] = [
    ["the directory", (directory) => directory],
    ["the database in it", (directory) => join(directory, "database")],
    ["its lock file", (directory) => latestLockFile(directory)?.path ?? ""],
  ];
  it.each(acts)("%s: the process ends with the reason and creates nothing in its place", async (_what, from) => {
    const directory = newDirectory();
    const { program, child } = await startOn(directory, "--no-market");
    const written = await runProgram(["import", tradesFile(directory, 1000)], on(directory));
    expect(written.status).toBe(0);
    const place = from(directory);
    const away = `${place}-away`;
    renameSync(place, away);
    if (place !== directory) {
      // It is refused, or waits until the other process has ended.
      const second = await runProgram(["rollups", "verify"], on(directory));
      expect(second.status === 1 || second.out.startsWith("1000 trades counted, 0 rollups differ")).toBe(true);
    }
    expect(await program.ended).toBe(1);
    expect(program.errors()).toMatch(
      /was (removed|moved) or replaced while it was in use; (restore the file or a backup|start again with its new path)/,
    );
    await untilGone(child);
    // A superseded lock file no longer counts, and its process is dead.
    if (existsSync(place)) rmSync(place);
    renameSync(away, place);
    expect(await count(directory)).toBe(1000);
  });
});

const canChangeUser = process.geteuid?.() === 0;
if (!canChangeUser) console.log("left out: directories of other users, because only root can be somebody else");

it.skipIf(!canChangeUser)("a directory without read permission is not treated as empty", async () => {
  const directory = newDirectory();
  chmodSync(directory, 0o700);
  const asNobody = (...args: string[]): { status: number | null; out: string } => {
    const program = join(process.cwd(), "dist", "cmd", "stellarindex.js");
    const all = ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, program, ...args];
    const { status, stdout, stderr } = spawnSync("setpriv", all, {
      env: { ...process.env, ...on(directory) },
      encoding: "utf8",
    });
    return { status, out: stdout + stderr };
  };
  const cure = /EACCES.*check that this user can write the directory/;
  expect(asNobody("doctor")).toEqual({ status: 1, out: expect.stringMatching(cure) });
  expect(asNobody("backup", join(tmpdir(), "never"))).toEqual({ status: 1, out: expect.stringMatching(cure) });
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

  it.skipIf(!isPermitted)("is served by one process, and both namespaces read the same data", async () => {
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
    expect(await inside("import", file)).toMatchObject({
      status: 0,
      out: expect.stringContaining("1 new, 0 duplicates"),
    });
    expect(latestLockFile(directory)?.holder).toMatchObject({ instance, pid: child });
    expect(await runProgram(["import", file], on(directory))).toMatchObject({
      status: 0,
      out: expect.stringContaining("0 new, 1 duplicates"),
    });
    expect(await program.stop("SIGTERM")).toBe(0);
    // Rows that were written in the other namespace are visible.
    expect(await inside("import", file)).toMatchObject({
      status: 0,
      out: expect.stringContaining("0 new, 1 duplicates"),
    });
    expect(readdirSync(directory)).toContain("database");
  });
});

describe("many commands at once", () => {
  it("all complete, whichever of them serves the database", async () => {
    const directory = newDirectory();
    const files = Array.from({ length: 6 }, (_, index) => {
      const file = join(directory, `${index}.csv`);
      writeFileSync(file, `ts,source,pair,price,size,trade_id\n2026-01-01T00:00:00Z,kraken,XLM/USD,0.1,1,${index}\n`);
      return file;
    });
    const all = await Promise.all(files.map((file) => runProgram(["import", file], on(directory))));
    expect(all.map(({ status, err }) => [status, err])).toEqual(files.map(() => [0, ""]));
    expect(await count(directory)).toBe(files.length);
  });
});

describe("a directory that is moved while it is in use", () => {
  it("keeps the stored trades, does not change the directory in its place, and the command names the fix", async () => {
    const directory = newDirectory();
    const { program } = await startOn(directory);
    const moved = `${directory}-moved`;
    made.push(moved);
    renameSync(directory, moved);
    mkdirSync(join(directory, "database"), { recursive: true });
    expect(await program.ended).toBe(1);
    expect(program.errors()).toMatch(/was moved or replaced while it was in use; start again with its new path/);
    expect(readdirSync(join(directory, "database"))).toEqual([]);
    expect(await count(moved)).toBeGreaterThan(1_000);
  });
});

describe("a log that cannot be written", () => {
  it("does not stop a daemon, and a command whose output is lost fails with a message", async () => {
    const directory = newDirectory();
    const full = openSync("/dev/full", "w");
    const program = fileURLToPath(new URL("../../../dist/cmd/stellarindex.js", import.meta.url));
    const port = await freePort();
    const daemon = spawn(process.execPath, [program, "start", "--no-market"], {
      env: { ...process.env, ...on(directory), STELLARINDEX_API_OPS_LISTEN: `127.0.0.1:${port}` },
      stdio: ["ignore", full, full],
    });
    const ended = once(daemon, "exit");
    try {
      await vi.waitFor(async () => expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200), {
        timeout: 60_000,
        interval: 200,
      });
      daemon.kill("SIGTERM");
      expect(await ended).toEqual([0, null]);
      const command = spawn(process.execPath, [program, "rollups", "verify"], {
        env: { ...process.env, ...on(directory) },
        stdio: ["ignore", full, "pipe"],
      });
      let said = "";
      command.stderr?.on("data", (data: Buffer) => {
        said += data.toString();
      });
      expect(await once(command, "close")).toEqual([1, null]);
      expect(said).toContain("stellarindex: standard output cannot be written (ENOSPC");
    } finally {
      daemon.kill("SIGKILL");
      closeSync(full);
    }
  });
});

it("the socket is created in /tmp if TMPDIR is not a directory", async () => {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-"));
  const long = join(directory, "x".repeat(120));
  mkdirSync(long);
  vi.stubEnv("TMPDIR", join(directory, "absent"));
  try {
    for (const named of ["memory", long]) {
      const database = await openEmbedded(named);
      expect(await database.sql`SELECT 1 AS one`).toMatchObject([{ one: 1 }]);
      await database.close();
    }
  } finally {
    vi.unstubAllEnvs();
    rmSync(directory, { recursive: true });
  }
});
