import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeDirectory } from "./make-directory.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "stellarindex-make-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe("a directory is made", () => {
  it.each(["a/b/c", "d/../e/f", "g//", "a/b/c"])("%s, with its parents, unless it exists", (name) => {
    const path = `${directory}/${name}`;
    makeDirectory(path);
    expect(readdirSync(path)).toEqual([]);
  });

  it("through a symbolic link", () => {
    mkdirSync(join(directory, "target"));
    symlinkSync("target", join(directory, "link"));
    makeDirectory(join(directory, "link", "below"));
    expect(readdirSync(join(directory, "target"))).toEqual(["below"]);
  });
});

describe("a directory that cannot be made is reported", () => {
  it("at a file, and below one", () => {
    writeFileSync(join(directory, "file"), "");
    expect(() => makeDirectory(join(directory, "file"))).toThrow(/EEXIST/);
    expect(() => makeDirectory(join(directory, "file", "below"))).toThrow(/ENOTDIR/);
  });

  it("at a dangling link, and below one", () => {
    symlinkSync(join(directory, "unmounted"), join(directory, "dangling"));
    expect(() => makeDirectory(join(directory, "dangling"))).toThrow(/dangling is a dangling link$/);
    expect(() => makeDirectory(join(directory, "dangling", "below"))).toThrow(/dangling is a dangling link$/);
    expect(readdirSync(directory)).not.toContain("unmounted");
  });

  it("at circular links", () => {
    symlinkSync("circle", join(directory, "circle"));
    expect(() => makeDirectory(join(directory, "circle"))).toThrow(/ELOOP/);
    expect(() => makeDirectory(join(directory, "circle", "below"))).toThrow(/ELOOP/);
  });

  it.runIf(process.platform === "linux")("if the file system refuses it, without an endless loop", () => {
    expect(() => makeDirectory("/proc/a/b")).toThrow("nothing can be created in /proc");
  });
});
