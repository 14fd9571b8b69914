import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Finished, runProgram } from "../../../test/program.ts";
import { freePort } from "../../cache/redis/server.testing.ts";
import { latestLockFile } from "./lock-files.ts";
import { openEmbedded } from "./open.ts";
import {
  count,
  newDirectory,
  on,
  removeAfterwards,
  startOn,
  stopAll,
  tradesFile,
  untilGone,
} from "./process.testing.ts";

afterEach(stopAll);

it("a database process whose parent is killed closes the database and ends", async () => {
  const directory = newDirectory();
  const { program, child } = await startOn(directory);
  await program.stop("SIGKILL");
  await untilGone(child);
  expect(latestLockFile(directory)?.holder).toBeNull();
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
    removeAfterwards(moved);
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
