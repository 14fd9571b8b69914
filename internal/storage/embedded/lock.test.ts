import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { birthOf } from "./identity.ts";
import { type Listener, openListener } from "./listener.ts";
import { LockRefused, releaseLock, takeLock } from "./lock.ts";
import { addLockFile, type Holder, type LockFile, latestLockFile } from "./lock-files.ts";
import { socketPath } from "./socket-path.ts";

let directory: string;
let listeners: Listener[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "stellarindex-lock-"));
});
afterEach(async () => {
  await Promise.all(listeners.map((listener) => listener.close()));
  listeners = [];
  rmSync(directory, { recursive: true });
});

const WATCH_MS = 100;

async function listen(instance: string, where = directory): Promise<Listener> {
  const listener = await openListener(socketPath(where, instance));
  listeners.push(listener);
  return listener;
}

/** Takes the lock like a process with this instance name. */
async function take(instance: string, where = directory): Promise<LockFile | Holder> {
  await listen(instance, where);
  return takeLock(where, instance, { watchMs: WATCH_MS });
}

/** Takes the lock and dies immediately, which leaves a lock file and a socket without a listener. */
async function takeAndDie(instance: string): Promise<LockFile> {
  const path = socketPath(directory, instance);
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => console.log("listens"))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  const lock = (await takeLock(directory, instance, { watchMs: WATCH_MS })) as LockFile;
  child.kill("SIGKILL");
  await once(child, "exit");
  return lock;
}

/** Overwrites the current lock file. */
function rewrite(changes: Partial<Holder>): string {
  const { path, holder } = latestLockFile(directory) as LockFile;
  writeFileSync(path, JSON.stringify({ ...holder, ...changes }));
  return path;
}

describe("the lock of a directory", () => {
  it("is taken if it is free, and refused while its holder lives, whatever the holder's process id here", async () => {
    expect(await take("first")).toMatchObject({ number: 1 });
    // In a container the id may belong to no process, or to the caller.
    for (const pid of [2 ** 22 - 1, process.pid]) {
      rewrite({ pid });
      expect(await take(`second-${pid}`)).toMatchObject({ instance: "first", pid });
    }
    expect(latestLockFile(directory)).toMatchObject({ number: 1 });
  });

  it("that was released can be taken, and leaves no files", async () => {
    for (const instance of ["one", "two", "three"]) {
      const listener = await openListener(socketPath(directory, instance));
      const lock = (await takeLock(directory, instance, { watchMs: WATCH_MS })) as LockFile;
      releaseLock(directory, lock);
      expect(latestLockFile(directory)?.holder).toBeNull();
      await listener.close();
    }
    expect(readdirSync(directory).sort()).toEqual(["lock.5", "lock.6"]);
  });

  it("of a killed process is taken over by exactly one other process", async () => {
    await takeAndDie("dead");
    const takeOrFindHolder = async (instance: string): Promise<LockFile | Holder> => {
      const listener = await listen(instance);
      const taken = await takeLock(directory, instance, { watchMs: WATCH_MS });
      if ("instance" in taken) await listener.close();
      return taken;
    };
    const taken = await Promise.all(["heir", "other"].map(takeOrFindHolder));
    expect(taken.filter((one) => "number" in one)).toHaveLength(1);
    expect(taken.filter((one) => "instance" in one)).toHaveLength(1);
    expect(existsSync(socketPath(directory, "dead"))).toBe(true);
  });

  it("is not taken by a process that was suspended while others held it", async () => {
    // It saw the dead holder of number 1, and writes number 2 after that was taken and released.
    const holder = (await takeAndDie("dead")).holder as Holder;
    for (const number of [2, 3, 4]) addLockFile(directory, number, holder, "draft");
    expect(readdirSync(directory)).not.toContain("lock.2");
    expect(addLockFile(directory, 2, holder, "draft")).toBeNull();
    expect(latestLockFile(directory)?.number).toBe(4);
    expect(readdirSync(directory)).not.toContain("lock.2");
  });

  it("is not released by a process that has lost it", async () => {
    const lock = await takeAndDie("dead");
    await take("heir");
    releaseLock(directory, lock);
    expect(latestLockFile(directory)?.holder?.instance).toBe("heir");
  });

  it("whose file was removed is refused while a process still serves the directory", async () => {
    const { path } = (await take("first")) as LockFile;
    rmSync(path);
    await listen("heir");
    let numberOfAdded = 0;
    const onAdded = ({ number }: LockFile): void => {
      numberOfAdded = number;
    };
    await expect(takeLock(directory, "heir", { watchMs: WATCH_MS, leavingMs: WATCH_MS, onAdded })).rejects.toThrow(
      /a process still serves the database in .*, although its lock file was removed \(it listens at .*first\.sock\)/,
    );
    // The holder that watches the file must notice it before the wait for other servers.
    expect(numberOfAdded).toBe(latestLockFile(directory)?.number);
    const taking = takeLock(directory, "heir", { watchMs: WATCH_MS });
    await listeners[0]?.close();
    expect(await taking).toMatchObject({ instance: "heir" });
  });

  it("works in a directory whose path is too long for a socket", async () => {
    const long = mkdtempSync(join(directory, "x".repeat(120)));
    await take("first", long);
    expect(await take("second", long)).toMatchObject({ instance: "first" });
  });
});

describe("a lock from before a reboot", () => {
  const OTHER = "6f1c9b1e-0000-4000-8000-000000000000";

  it("is taken over if its heartbeat has stopped, as after a power cut", async () => {
    await takeAndDie("dead");
    rewrite({ boot: OTHER, device: "99999" });
    expect(await take("heir")).toMatchObject({ number: 2 });
  });

  it.each([OTHER, null])(
    "is refused while its heartbeat continues (%s), since the holder runs on another machine",
    async (boot) => {
      await takeAndDie("far");
      const path = rewrite({ boot });
      let beat = 0;
      const touching = setInterval(() => utimesSync(path, beat, beat++), WATCH_MS / 20);
      await expect(take("heir")).rejects.toThrow(/is served on another machine \(process \d+ of .*stop it there/);
      clearInterval(touching);
    },
  );
});

describe("if it is unknown whether the holder lives", () => {
  it("a lock whose socket is missing is refused with a fix that works", async () => {
    const { path } = await takeAndDie("dead");
    rmSync(socketPath(directory, "dead"));
    await expect(take("heir")).rejects.toThrow(LockRefused);
    await expect(takeLock(directory, "heir", { watchMs: WATCH_MS })).rejects.toThrow(
      `no process does, and remove ${path}`,
    );
    rmSync(path);
    expect(await takeLock(directory, "heir", { watchMs: WATCH_MS })).toMatchObject({ number: 1 });
  });

  it.each(["", "{", "[]x", "{}", "[]", '{"instance":"../x"}'])(
    "a lock file with the content %j is refused",
    async (text) => {
      writeFileSync(join(directory, "lock.7"), text);
      await expect(take("heir")).rejects.toThrow(/cannot be read .*remove lock\.\*/);
    },
  );
});

describe("a copy of a directory", () => {
  const copyTo = (name: string): string => {
    const copy = join(directory, name);
    for (const entry of readdirSync(directory).filter((other) => other.startsWith("lock."))) {
      cpSync(join(directory, entry), join(copy, entry));
    }
    return copy;
  };

  it("in use is refused with the fix, and never connects to the original", async () => {
    await take("first");
    const copy = copyTo("copy");
    await expect(take("second", copy)).rejects.toThrow(
      /copy of a database directory that was in use.*stellarindex backup.*remove .*copy\/lock\.1 and start again/,
    );
    rmSync(join(copy, "lock.1"));
    expect(await takeLock(copy, "second", { watchMs: WATCH_MS })).toMatchObject({ number: 1 });
  });

  it("is told by the time of birth, not by the device, whose number changes when a disk is attached again", async () => {
    await takeAndDie("dead");
    const birth = birthOf(directory);
    await listen("heir");
    const heir = () => takeLock(directory, "heir", { watchMs: WATCH_MS });
    rewrite({ device: "99999", birth: null });
    await expect(heir()).rejects.toThrow(/is a copy of a database directory/);
    if (birth === null) return;
    rewrite({ birth: "1700000000000000000" });
    await expect(heir()).rejects.toThrow(/is a copy of a database directory/);
    rewrite({ birth });
    expect(await heir()).toMatchObject({ number: 2 });
  });

  it("that replaces the original keeps its own lock when the original's process ends", async () => {
    const lock = (await take("first")) as LockFile;
    rewrite({ instance: "second" });
    releaseLock(directory, lock);
    expect(latestLockFile(directory)).toMatchObject({ number: 1, holder: { instance: "second" } });
  });

  it("that is not in use is opened, and so is a directory that was moved", async () => {
    const lock = (await take("first")) as LockFile;
    releaseLock(directory, lock);
    expect(await take("second", copyTo("copy"))).toMatchObject({ number: 3 });
    renameSync(join(directory, "copy"), join(directory, "moved"));
    expect(await take("third", join(directory, "moved"))).toMatchObject({ instance: "second" });
  });
});
