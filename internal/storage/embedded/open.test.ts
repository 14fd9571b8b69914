import { existsSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseTime } from "../../canonical/time.ts";
import { embeddedDirectory } from "../connection/database.testing.ts";
import type { Database } from "../connection/database.ts";
import { DatabaseUnusable } from "../connection/errors.ts";
import { openDatabase } from "../open-database.ts";
import { expectRollupsExact } from "../rollups/rollups.testing.ts";
import { requireMigrated } from "../schema/migrate.ts";
import { freshPair, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { latestLockFile } from "./lock-files.ts";
import { openEmbedded } from "./open.ts";

const T = parseTime("2026-03-01T10:00:00Z");

let directory: string;
beforeAll(() => {
  directory = embeddedDirectory();
});
afterAll(() => rmSync(directory, { recursive: true }));

describe("the embedded database in a directory", () => {
  const open = (): Promise<Database> => openDatabase({ url: `pglite:${directory}`, max_connections: 4 });

  it("serves a second command through the first one, and keeps its writes", async () => {
    const first = await open();
    const pid = latestLockFile(directory)?.holder?.pid ?? 0;
    const second = await open();
    expect(latestLockFile(directory)?.holder?.pid).toBe(pid);
    const pair = freshPair();
    expect(await writeTrades(second, [trade(pair, T)])).toMatchObject({ inserted: 1 });
    expect(await writeTrades(first, [trade(pair, T), trade(pair, T + 1n)])).toMatchObject({ inserted: 1, known: 1 });
    await expectRollupsExact(second);

    // The end of the second one does not affect the first.
    const third = await open();
    await second.close();
    expect(await writeTrades(first, [trade(pair, T + 2n)])).toMatchObject({ inserted: 1 });

    await first.close();
    expect(latestLockFile(directory)?.holder).toBeNull();
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    await expect(third.sql`SELECT 1`).rejects.toMatchObject({ code: expect.stringMatching(/^(CONNECTION_|E[A-Z]+)/) });
    await third.close();

    const again = await open();
    await requireMigrated(again);
    expect(await writeTrades(again, [trade(pair, T + 2n)])).toMatchObject({ known: 1 });
    await again.close();
  });

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
