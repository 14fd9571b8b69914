import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
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

/** Takes the lock as a process of that name would. */
async function take(instance: string, where = directory): Promise<LockFile | Holder> {
  await listen(instance, where);
  return takeLock(where, instance, WATCH_MS);
}

/** Takes the lock, and dies at once: what is left is a lock file and a socket at which nobody listens. */
async function takeAndDie(instance: string): Promise<LockFile> {
  const path = socketPath(directory, instance);
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => console.log("listens"))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  const lock = (await takeLock(directory, instance, WATCH_MS)) as LockFile;
  child.kill("SIGKILL");
  await once(child, "exit");
  return lock;
}

/** Puts other words into the lock file that counts. */
function rewrite(changes: Partial<Holder>): string {
  const { path, holder } = latestLockFile(directory) as LockFile;
  writeFileSync(path, JSON.stringify({ ...holder, ...changes }));
  return path;
}

describe("the lock of a directory", () => {
  it("is taken where there is none, and left to a living holder whatever its process is called here", async () => {
    expect(await take("first")).toMatchObject({ number: 1 });
    // What a container would see: a number that is nobody's, or its own.
    for (const pid of [2 ** 22 - 1, process.pid]) {
      rewrite({ pid });
      expect(await take(`second-${pid}`)).toMatchObject({ instance: "first", pid });
    }
    expect(latestLockFile(directory)).toMatchObject({ number: 1 });
  });

  it("that was given back is taken, and clutters nothing", async () => {
    for (const instance of ["one", "two", "three"]) {
      const listener = await openListener(socketPath(directory, instance));
      const lock = (await takeLock(directory, instance, WATCH_MS)) as LockFile;
      releaseLock(directory, lock);
      expect(latestLockFile(directory)?.holder).toBeNull();
      await listener.close();
    }
    expect(readdirSync(directory).sort()).toEqual(["lock.5", "lock.6"]);
  });

  it("of a process that was killed is taken over, once only", async () => {
    await takeAndDie("dead");
    await listen("heir");
    await listen("other");
    const taken = await Promise.all(["heir", "other"].map((instance) => takeLock(directory, instance, WATCH_MS)));
    expect(taken.filter((one) => "number" in one)).toHaveLength(1);
    expect(taken.filter((one) => "instance" in one)).toHaveLength(1);
    expect(existsSync(socketPath(directory, "dead"))).toBe(true);
  });

  it("is not taken by one that slept while others had it", async () => {
    // It found the dead holder of number 1, and comes to write number 2 when it was given, and passed.
    const holder = (await takeAndDie("dead")).holder as Holder;
    for (const number of [2, 3, 4]) addLockFile(directory, number, holder, "draft");
    expect(readdirSync(directory)).not.toContain("lock.2");
    expect(addLockFile(directory, 2, holder, "draft")).toBeNull();
    expect(latestLockFile(directory)?.number).toBe(4);
    expect(readdirSync(directory)).not.toContain("lock.2");
  });

  it("is not given back by one that lost it", async () => {
    const lock = await takeAndDie("dead");
    await take("heir");
    releaseLock(directory, lock);
    expect(latestLockFile(directory)?.holder?.instance).toBe("heir");
  });

  it("in a directory whose path is too long for a socket is a lock all the same", async () => {
    const long = mkdtempSync(join(directory, "x".repeat(120)));
    await take("first", long);
    expect(await take("second", long)).toMatchObject({ instance: "first" });
  });
});

describe("a lock of another run of the machine", () => {
  const OTHER = "6f1c9b1e-0000-4000-8000-000000000000";

  it("is taken over where nobody touches it: the power was cut", async () => {
    await takeAndDie("dead");
    rewrite({ boot: OTHER, device: "99999" });
    expect(await take("heir")).toMatchObject({ number: 2 });
  });

  it.each([OTHER, null])("is left to a holder that touches it (%s): it lives on another machine", async (boot) => {
    await takeAndDie("far");
    const path = rewrite({ boot });
    let beat = 0;
    const touching = setInterval(() => utimesSync(path, beat, beat++), WATCH_MS / 20);
    await expect(take("heir")).rejects.toThrow(/is served on another machine \(process \d+ of .*stop it there/);
    clearInterval(touching);
  });
});

describe("where it cannot be told whether the holder lives", () => {
  it("a lock whose socket is gone is refused, with the cure, and the cure helps", async () => {
    const { path } = await takeAndDie("dead");
    rmSync(socketPath(directory, "dead"));
    await expect(take("heir")).rejects.toThrow(LockRefused);
    await expect(takeLock(directory, "heir", WATCH_MS)).rejects.toThrow(`nothing does, and remove ${path}`);
    rmSync(path);
    expect(await takeLock(directory, "heir", WATCH_MS)).toMatchObject({ number: 1 });
  });

  it.each(["", "{", "[]x"])("a lock file that says %j is refused", async (text) => {
    writeFileSync(join(directory, "lock.7"), text);
    await expect(take("heir")).rejects.toThrow(/cannot be read .*remove lock\.\*/);
  });
});

describe("a copy", () => {
  const copyTo = (name: string): string => {
    const copy = join(directory, name);
    for (const entry of readdirSync(directory).filter((other) => other.startsWith("lock."))) {
      cpSync(join(directory, entry), join(copy, entry));
    }
    return copy;
  };

  it("of a directory in use is refused with the cure, and never leads to the original", async () => {
    await take("first");
    const copy = copyTo("copy");
    await expect(take("second", copy)).rejects.toThrow(
      /copy of a database directory that was in use.*stellarindex backup.*remove .*copy\/lock\.1 and start again/,
    );
    rmSync(join(copy, "lock.1"));
    expect(await takeLock(copy, "second", WATCH_MS)).toMatchObject({ number: 1 });
  });

  it("of one that was given back is opened as itself; so is one that has moved", async () => {
    const lock = (await take("first")) as LockFile;
    releaseLock(directory, lock);
    expect(await take("second", copyTo("copy"))).toMatchObject({ number: 3 });
    renameSync(join(directory, "copy"), join(directory, "moved"));
    expect(await take("third", join(directory, "moved"))).toMatchObject({ instance: "second" });
  });
});
