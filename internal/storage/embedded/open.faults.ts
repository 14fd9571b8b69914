import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parseTime, seconds } from "../../canonical/time.ts";
import { embeddedDirectory } from "../connection/database.testing.ts";
import type { Database } from "../connection/database.ts";
import { DatabaseUnusable } from "../connection/errors.ts";
import { openDatabase } from "../open-database.ts";
import { expectRollupsExact } from "../rollups/rollups.testing.ts";
import { migrateUp, requireMigrated } from "../schema/migrate.ts";
import { freshPair, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { createBackup } from "./backup.ts";
import { isTaken } from "./database-directory.ts";
import { takeLock } from "./lock.ts";
import { latestLockFile } from "./lock-files.ts";
import { openEmbedded } from "./open.ts";
import { socketPath } from "./socket-path.ts";

const T = parseTime("2026-03-01T10:00:00Z");

let directory: string;
beforeAll(() => {
  directory = embeddedDirectory();
});
afterAll(() => rmSync(directory, { recursive: true }));

const open = (): Promise<Database> => openDatabase({ url: `pglite:${directory}`, max_connections: 4 });
const holder = (): number => latestLockFile(directory)?.holder?.pid ?? 0;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const isRoot = process.geteuid?.() === 0;
if (!isRoot) console.log("left out: databases of other users, because only root can make them");

// All tests share one directory: creating one takes seconds and has its own test.
describe("the embedded database in a directory", () => {
  it("is opened by one of two commands that start at the same time", async () => {
    const both = await Promise.all([open(), open()]);
    const pair = freshPair();
    for (const one of both) await writeTrades(one, [trade(pair, T)]);
    for (const one of both) {
      const [row] = await one.sql`SELECT trade_count::int AS trades FROM trades_1h WHERE base_asset = ${pair.base}`;
      expect(row).toEqual({ trades: 1 });
    }
    await Promise.all(both.map((one) => one.close()));
  });

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

  it("has every acknowledged batch and exact rollups after its process was killed during writes", async () => {
    const database = await open();
    const pid = holder();
    const pair = freshPair();
    const acknowledged: string[] = [];
    const writing = (async () => {
      for (let batch = 0; ; batch++) {
        const rows = Array.from({ length: 20 }, (_, index) =>
          trade(pair, T + seconds(batch) * 20n + BigInt(index), {
            tradeId: `${batch}-${index}`,
            quote: `${index + 1}`,
          }),
        );
        await writeTrades(database, rows);
        acknowledged.push(`${batch}-0`);
      }
    })();
    const failed = writing.catch((error: unknown) => error);
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(15), { timeout: 20_000, interval: 1 });
    process.kill(pid, "SIGKILL");
    expect(await failed).toMatchObject({ code: expect.stringMatching(/^(CONNECTION_|E[A-Z]+)/) });
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
    await database.close();
    // The lock of the dead process still exists.
    expect(holder()).toBe(pid);

    const again = await open();
    expect(holder()).not.toBe(pid);
    const stored = await again.sql<{ batch: string; trades: number }[]>`
      SELECT split_part(trade_id, '-', 1) || '-0' AS batch, count(*)::int AS trades FROM trades
      WHERE base_asset = ${pair.base} GROUP BY 1`;
    // The last batch may have been stored without an acknowledgement, but never in part.
    expect(stored.map(({ batch }) => batch)).toEqual(expect.arrayContaining(acknowledged));
    expect(stored.length - acknowledged.length).toBeLessThanOrEqual(1);
    expect(new Set(stored.map(({ trades }) => trades))).toEqual(new Set([20]));
    await expectRollupsExact(again);
    await again.close();
  });

  it("is created again if its creation was interrupted", async () => {
    const cut = mkdtempSync(join(tmpdir(), "stellarindex-embedded-"));
    mkdirSync(join(cut, "database"));
    writeFileSync(join(cut, "database", "PG_VERSION"), "18\n");
    writeFileSync(join(cut, "database.incomplete"), String(statSync(join(cut, "database")).ino));
    const database = await openEmbedded(cut);
    await migrateUp(database, {
      timescaledb: "auto",
      retention: { trades: 0, trades_1m: 0, trades_1h: 0 },
      log: () => {},
    });
    await database.close();
    const again = await openEmbedded(cut);
    await requireMigrated(again);
    await again.close();
    expect(readdirSync(cut).filter((name) => !name.startsWith("lock."))).toEqual(["database", "database.complete"]);
    rmSync(cut, { recursive: true });
  });

  describe("whose holder does not answer", () => {
    /** A process that holds the directory, accepts connections and answers none. */
    async function holdSilently(instance: string): Promise<ChildProcess> {
      const script = `
        const sockets = [];
        require("node:net").createServer((socket) => sockets.push(socket)).listen(${JSON.stringify(socketPath(directory, instance))});
        console.log("listens");`;
      const holding = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
      await once(holding.stdout, "data");
      expect(await takeLock(directory, instance)).toMatchObject({ holder: { instance } });
      return holding;
    }

    it("is refused with the name of the process", async () => {
      const holding = await holdSilently("silent");
      await expect(openEmbedded(directory, { holderTimeoutMs: 150 })).rejects.toThrow(
        new RegExp(`the database in ${directory} is held by process ${process.pid} of .*, which does not answer`),
      );
      expect(latestLockFile(directory)?.holder?.instance).toBe("silent");
      holding.kill("SIGKILL");
      await once(holding, "exit");
    });

    it("is opened after that process has ended", async () => {
      const holding = await holdSilently("mute");
      const opening = openEmbedded(directory);
      holding.kill("SIGKILL");
      const database = await opening;
      await requireMigrated(database);
      expect(latestLockFile(directory)?.holder?.instance).not.toBe("mute");
      await database.close();
    });
  });

  it("is not opened under another path to the same files", async () => {
    const database = await open();
    const linked = `${directory}-linked`;
    execFileSync("cp", ["-al", directory, linked]);
    await expect(openEmbedded(linked)).rejects.toThrow(/shares files with another directory, which process \d+ of /);
    rmSync(linked, { recursive: true });
    await database.close();
  });

  it("can be backed up while it is served, and a plain copy is refused", async () => {
    const database = await open();
    const pair = freshPair();
    await writeTrades(database, [trade(pair, T)]);
    const [backup, plain] = [`${directory}-backup`, `${directory}-plain`];
    execFileSync("cp", ["-r", directory, plain]);
    await expect(openEmbedded(plain)).rejects.toThrow(/is a copy of a database directory that was in use/);
    const copying = createBackup(database, directory, backup);
    // An incomplete backup is detected and refused.
    expect(readdirSync(`${backup}.incomplete`)).toEqual(["database.incomplete"]);
    await copying;
    expect(readdirSync(backup)).toEqual(["database"]);
    await writeTrades(database, [trade(pair, T + 1n)]);
    const copy = await openEmbedded(backup);
    const count = async (of: Database) =>
      (await of.sql`SELECT count(*)::int AS trades FROM trades WHERE base_asset = ${pair.base}`)[0];
    expect(await count(copy)).toEqual({ trades: 1 });
    await copy.sql.unsafe("DROP TABLE trades CASCADE");
    expect(await count(database)).toEqual({ trades: 2 });
    await copy.close();
    await expect(createBackup(database, directory, backup)).rejects.toThrow(/exists already/);
    await database.close();
    for (const made of [backup, plain]) rmSync(made, { recursive: true });
  });

  it("reports why a backup fails, and removes its files", async () => {
    const database = await open();
    const [backup, link] = [`${directory}-backup`, `${directory}-link`];
    symlinkSync(directory, link);
    mkdirSync(`${backup}.incomplete`);
    const beside = (): string[] =>
      readdirSync(dirname(directory)).filter((name) => name.startsWith(basename(directory)));
    const before = beside();
    const attempts = [
      [join(directory, "copy"), "lies in the directory of the database itself"],
      [join(link, "database", "copy"), "lies in the directory of the database itself"],
      [join(process.execPath, "copy"), "could not be copied to .*ENOTDIR.*name a new directory below an existing one"],
      [join(backup, "copy"), "could not be copied to .*ENOENT.*name a new directory below an existing one"],
      [link, "exists already"],
      [`${backup}/`, "incomplete exists: another backup to .* is running or was interrupted"],
    ] as const;
    for (const [target, reason] of attempts) {
      await expect(createBackup(database, directory, target), target).rejects.toThrow(new RegExp(reason));
    }
    rmSync(`${backup}.incomplete`, { recursive: true });
    // A failure during the copy leaves no files either.
    await database.close();
    await expect(createBackup(database, directory, backup)).rejects.toThrow(DatabaseUnusable);
    expect([readdirSync(directory).includes("copy"), beside()]).toEqual([
      false,
      before.filter((name) => !name.endsWith(".incomplete")),
    ]);
    rmSync(link);
  });

  it("reports an unclean shutdown with the reason", async () => {
    const damaged = embeddedDirectory();
    const [lost, badEnd] = [vi.fn(), vi.fn()];
    const database = await openEmbedded(damaged, { onLost: lost, onUncleanShutdown: badEnd });
    await database.sql`CREATE TABLE written AS SELECT 1`;
    rmSync(join(damaged, "database", "global", "pg_control"));
    await database.close();
    expect(badEnd.mock.calls).toEqual([
      [expect.stringMatching(/was not shut down cleanly: could not open file .*pg_control.*; .*damaged/s)],
    ]);
    expect(lost).not.toHaveBeenCalled();
    rmSync(damaged, { recursive: true });
  });

  describe("is refused with the reason and the fix", () => {
    it("if it has another PostgreSQL version", async () => {
      const newer = embeddedDirectory();
      writeFileSync(join(newer, "database", "PG_VERSION"), "19\n");
      await expect(openEmbedded(newer)).rejects.toThrow(/it has another PostgreSQL version/);
      rmSync(newer, { recursive: true });
    });

    it("if a backup replaces a database whose creation was interrupted, and does not change it", async () => {
      const restored = embeddedDirectory();
      const marker = join(restored, "database.incomplete");
      const { ino } = statSync(restored);
      writeFileSync(marker, String(ino));
      await expect(openEmbedded(restored)).rejects.toThrow(
        /marks an unfinished database other than the one that is there now; .*, remove the file/,
      );
      rmSync(marker);
      const database = await openEmbedded(restored);
      expect(await database.sql`SELECT FROM trades`).toEqual([]);
      await database.close();
      rmSync(restored, { recursive: true });
    });

    it("if its marker file is missing, and does not change what is there", async () => {
      const damaged = embeddedDirectory();
      const version = join(damaged, "database", "PG_VERSION");
      const text = readFileSync(version);
      rmSync(version);
      await expect(openEmbedded(damaged)).rejects.toThrow(/did not start: database\/PG_VERSION is missing; .*damaged/s);
      writeFileSync(version, text);
      const database = await openEmbedded(damaged);
      expect(await database.sql`SELECT FROM trades`).toEqual([]);
      await database.close();
      rmSync(damaged, { recursive: true });
    });

    it("if the database was removed from it, and creates no new one", async () => {
      const emptied = embeddedDirectory();
      const [database, away] = [join(emptied, "database"), join(emptied, "away")];
      // A backup lacks the marker file, which is created when it is opened.
      rmSync(join(emptied, "database.complete"));
      await (await openEmbedded(emptied)).close();
      renameSync(database, away);
      const missing = /database\.complete marks an existing database, but .*database is missing or empty: restore it/;
      expect(isTaken(emptied)).toBe(true);
      await expect(openEmbedded(emptied)).rejects.toThrow(missing);
      mkdirSync(database);
      await expect(openEmbedded(emptied)).rejects.toThrow(missing);
      expect(readdirSync(database)).toEqual([]);
      rmdirSync(database);
      renameSync(away, database);
      const again = await openEmbedded(emptied);
      expect(await again.sql`SELECT FROM trades`).toEqual([]);
      await again.close();
      rmSync(emptied, { recursive: true });
    });

    it.skipIf(!isRoot)("if root would open another user's database, who could then no longer open it", async () => {
      const others = embeddedDirectory();
      execFileSync("chown", ["-R", "65534", others]);
      await expect(openEmbedded(others)).rejects.toThrow(/database belongs to user id 65534, who could not/);
      expect(execFileSync("find", [join(others, "database"), "-user", "0"]).toString()).toBe("");
      rmSync(others, { recursive: true });
    });

    it("if its files are damaged", async () => {
      const damaged = embeddedDirectory();
      const control = join(damaged, "database", "global", "pg_control");
      writeFileSync(control, Buffer.alloc(8192, 7));
      await expect(openEmbedded(damaged)).rejects.toThrow(
        /did not start: .*; .* its files are damaged: restore a backup/s,
      );
      expect(readFileSync(control)).toEqual(Buffer.alloc(8192, 7));
      rmSync(damaged, { recursive: true });
    });
  });
});
