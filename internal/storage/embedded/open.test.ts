import { existsSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embeddedDirectory } from "../connection/database.testing.ts";
import { DatabaseUnusable } from "../connection/errors.ts";
import { openEmbedded } from "./open.ts";

let directory: string;
beforeAll(() => {
  directory = embeddedDirectory();
});
afterAll(() => rmSync(directory, { recursive: true }));

describe("the embedded database in a directory", () => {
  describe("is refused with the reason and the fix", () => {
    it("if there is a file at the path", async () => {
      const file = join(directory, "file");
      writeFileSync(file, "");
      const attempt = openEmbedded(file);
      await expect(attempt).rejects.toThrow(DatabaseUnusable);
      await expect(attempt).rejects.toThrow(/did not start: .*EEXIST.*; name a directory, not a file/s);
    });

    it("at a dangling link, and creates nothing there", async () => {
      const link = join(directory, "link");
      symlinkSync(join(directory, "unmounted"), link);
      await expect(openEmbedded(link)).rejects.toThrow(/link is a dangling link; mount or create/);
      expect(existsSync(join(directory, "unmounted"))).toBe(false);
      rmSync(link);
    });

    it("if another directory links to the same database", async () => {
      const other = join(directory, "other");
      mkdirSync(other);
      symlinkSync(join(directory, "database"), join(other, "database"));
      await expect(openEmbedded(other)).rejects.toThrow(
        /other\/database is a link; name the directory that contains its target/,
      );
      expect(lstatSync(join(other, "database")).isSymbolicLink()).toBe(true);
      rmSync(other, { recursive: true });
    });

    it("if it is the inner data directory, and creates none in it", async () => {
      const data = join(directory, "data");
      mkdirSync(data);
      writeFileSync(join(data, "PG_VERSION"), "18\n");
      await expect(openEmbedded(data)).rejects.toThrow(/data is a PostgreSQL data directory; name the directory above/);
      expect(existsSync(join(data, "database"))).toBe(false);
      rmSync(data, { recursive: true });
    });
  });
});
