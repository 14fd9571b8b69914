import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isAlive, readLock, releaseLock, takeLock } from "./lock.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "stellarindex-lock-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const own = { pid: process.pid, socket: "own.sock" };
const file = (name = "lock.json") => join(directory, name);
const hold = (content: string, name?: string) => writeFileSync(file(name), content);
/** Makes a file look as if it had been written a minute ago. */
const age = (name?: string) => utimesSync(file(name), Date.now() / 1000 - 60, Date.now() / 1000 - 60);

/** The id of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ["--version"]).pid;
}

describe("the lock of a database directory", () => {
  it("is taken where there is none, in a directory that need not exist", () => {
    const inner = join(directory, "new", "one");
    expect(takeLock(inner, "own.sock")).toBeNull();
    expect(readLock(inner)).toEqual(own);
  });

  it("of a living process is left to it", () => {
    const holder = { pid: process.ppid, socket: "other.sock" };
    hold(JSON.stringify(holder));
    expect(takeLock(directory, "own.sock")).toEqual(holder);
    expect(readLock(directory)).toEqual(holder);
  });

  it("of a dead process is taken over", () => {
    hold(JSON.stringify({ pid: deadPid(), socket: "other.sock" }));
    expect(takeLock(directory, "own.sock")).toBeNull();
    expect(readLock(directory)).toEqual(own);
    expect(readdirSync(directory)).toEqual(["lock.json"]);
  });

  it("of an earlier process with this one's id is taken over", () => {
    hold(JSON.stringify({ pid: process.pid, socket: "earlier.sock" }));
    expect(takeLock(directory, "own.sock")).toBeNull();
    expect(readLock(directory)).toEqual(own);
  });

  it.each(["", "{", '{"pid":"7","socket":"x"}', '{"pid":7}'])(
    "that was left as %j is taken over once it is old",
    (content) => {
      hold(content);
      age();
      expect(takeLock(directory, "own.sock")).toBeNull();
      expect(readLock(directory)).toEqual(own);
    },
  );

  it("is taken over though another take-over died half way", () => {
    hold(JSON.stringify({ pid: deadPid(), socket: "other.sock" }));
    hold("", "lock.takeover");
    age("lock.takeover");
    expect(takeLock(directory, "own.sock")).toBeNull();
    expect(readLock(directory)).toEqual(own);
  });

  it("is given back by its holder only", () => {
    const holder = JSON.stringify({ pid: process.ppid, socket: "other.sock" });
    hold(holder);
    releaseLock(directory);
    expect(readFileSync(file(), "utf8")).toBe(holder);
    hold(JSON.stringify(own));
    releaseLock(directory);
    expect(existsSync(file())).toBe(false);
    // Gone already: nothing to do.
    releaseLock(directory);
  });
});

it("tells living processes from dead ones, also those of other users", () => {
  expect(isAlive(process.pid)).toBe(true);
  expect(isAlive(1)).toBe(true);
  expect(isAlive(deadPid())).toBe(false);
});
