import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parseTime, seconds } from "../../canonical/time.ts";
import { embeddedDirectory } from "../database.testing.ts";
import { type Database, openDatabase } from "../database.ts";
import { DatabaseUnusable } from "../errors.ts";
import { migrateUp, requireMigrated } from "../migrate.ts";
import { expectRollupsExact } from "../rollups.testing.ts";
import { freshPair, trade } from "../trades.testing.ts";
import { writeTrades } from "../trades.ts";
import { backUp } from "./backup.ts";
import { takeLock } from "./lock.ts";
import { latestLockFile } from "./lock-files.ts";
import { openEmbedded } from "./open.ts";
import { socketPath } from "./socket-path.ts";

const T = parseTime("2026-03-01T10:00:00Z");

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "stellarindex-embedded-"));
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

// One directory for all: to make a new one takes seconds.
describe("the embedded database in a directory", () => {
  it("serves a second command through the first one, and keeps what was written", async () => {
    const first = await open();
    await migrateUp(first, {
      timescaledb: "auto",
      retention: { trades: 0, trades_1m: 0, trades_1h: 0 },
      log: () => {},
    });
    const pid = holder();
    const second = await open();
    expect(holder()).toBe(pid);
    const pair = freshPair();
    expect(await writeTrades(second, [trade(pair, T)])).toMatchObject({ inserted: 1 });
    expect(await writeTrades(first, [trade(pair, T), trade(pair, T + 1n)])).toMatchObject({ inserted: 1, known: 1 });
    await expectRollupsExact(second);

    // The second one's end is nothing to the first.
    const third = await open();
    await second.close();
    expect(await writeTrades(first, [trade(pair, T + 2n)])).toMatchObject({ inserted: 1 });

    await first.close();
    expect(latestLockFile(directory)?.holder).toBeNull();
    expect(isAlive(pid)).toBe(false);
    await expect(third.sql`SELECT 1`).rejects.toMatchObject({ code: expect.stringMatching(/^(CONNECTION_|E[A-Z]+)/) });
    await third.close();

    const again = await open();
    await requireMigrated(again);
    expect(await writeTrades(again, [trade(pair, T + 2n)])).toMatchObject({ known: 1 });
    await again.close();
  });

  it("is opened once by two that start together", async () => {
    const both = await Promise.all([open(), open()]);
    const pair = freshPair();
    for (const one of both) await writeTrades(one, [trade(pair, T)]);
    for (const one of both) {
      const [row] = await one.sql`SELECT trade_count::int AS trades FROM trades_1h WHERE base_asset = ${pair.base}`;
      expect(row).toEqual({ trades: 1 });
    }
    await Promise.all(both.map((one) => one.close()));
  });

  it("has every acknowledged batch after its process was killed amid writes, and exact rollups", async () => {
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
    // The lock of the dead is still there.
    expect(holder()).toBe(pid);

    const again = await open();
    expect(holder()).not.toBe(pid);
    const stored = await again.sql<{ batch: string; trades: number }[]>`
      SELECT split_part(trade_id, '-', 1) || '-0' AS batch, count(*)::int AS trades FROM trades
      WHERE base_asset = ${pair.base} GROUP BY 1`;
    // The last one may have been stored without its answer; never a part of a batch.
    expect(stored.map(({ batch }) => batch)).toEqual(expect.arrayContaining(acknowledged));
    expect(stored.length - acknowledged.length).toBeLessThanOrEqual(1);
    expect(new Set(stored.map(({ trades }) => trades))).toEqual(new Set([20]));
    await expectRollupsExact(again);
    await again.close();
  });

  it("is made anew where the making of it was cut off", async () => {
    const cut = mkdtempSync(join(tmpdir(), "stellarindex-embedded-"));
    mkdirSync(join(cut, "database"));
    writeFileSync(join(cut, "database", "PG_VERSION"), "18\n");
    writeFileSync(join(cut, "database.incomplete"), String(statSync(join(cut, "database")).ino));
    const database = await openEmbedded(cut);
    expect(await database.sql`SELECT 1 AS one`).toEqual([{ one: 1 }]);
    await database.close();
    expect(readdirSync(cut).filter((name) => !name.startsWith("lock."))).toEqual(["database"]);
    rmSync(cut, { recursive: true });
  });

  describe("that a process holds which says nothing", () => {
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

    it("is refused by its name", async () => {
      const holding = await holdSilently("silent");
      await expect(openEmbedded(directory, { holderPatienceMs: 150 })).rejects.toThrow(
        new RegExp(`the database in ${directory} is held by process ${process.pid} of .*, which does not answer`),
      );
      expect(latestLockFile(directory)?.holder?.instance).toBe("silent");
      holding.kill("SIGKILL");
      await once(holding, "exit");
    });

    it("is opened once that process has gone", async () => {
      const holding = await holdSilently("mute");
      const opening = openEmbedded(directory);
      holding.kill("SIGKILL");
      const database = await opening;
      await requireMigrated(database);
      expect(latestLockFile(directory)?.holder?.instance).not.toBe("mute");
      await database.close();
    });
  });

  it("is not opened by another name that shares its files", async () => {
    const database = await open();
    const linked = `${directory}-linked`;
    execFileSync("cp", ["-al", directory, linked]);
    await expect(openEmbedded(linked)).rejects.toThrow(
      /shares its files with another directory, which process \d+ of /,
    );
    rmSync(linked, { recursive: true });
    await database.close();
  });

  it("is backed up by a copy while it is served, and a plain copy is refused and leads nowhere else", async () => {
    const database = await open();
    const pair = freshPair();
    await writeTrades(database, [trade(pair, T)]);
    const [backup, plain] = [`${directory}-backup`, `${directory}-plain`];
    execFileSync("cp", ["-r", directory, plain]);
    await expect(openEmbedded(plain)).rejects.toThrow(/is a copy of a database directory that was in use/);
    await backUp(database, directory, backup);
    await writeTrades(database, [trade(pair, T + 1n)]);
    const copy = await openEmbedded(backup);
    const count = async (of: Database) =>
      (await of.sql`SELECT count(*)::int AS trades FROM trades WHERE base_asset = ${pair.base}`)[0];
    expect(await count(copy)).toEqual({ trades: 1 });
    await copy.sql.unsafe("DROP TABLE trades CASCADE");
    expect(await count(database)).toEqual({ trades: 2 });
    await copy.close();
    await expect(backUp(database, directory, backup)).rejects.toThrow(/exists already/);
    await database.close();
    for (const made of [backup, plain]) rmSync(made, { recursive: true });
  });

  it("says why a backup cannot be made, and leaves nothing of it behind", async () => {
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
      [join(process.execPath, "copy"), "is not copied to .*ENOTDIR.*name a new directory in one that exists"],
      [join(backup, "copy"), "is not copied to .*ENOENT.*name a new directory in one that exists"],
      [link, "exists already"],
      [`${backup}/`, "incomplete exists: another backup to .* is under way, or was cut off"],
    ] as const;
    for (const [target, reason] of attempts) {
      await expect(backUp(database, directory, target), target).rejects.toThrow(new RegExp(reason));
    }
    rmSync(`${backup}.incomplete`, { recursive: true });
    // What fails amid the copying leaves nothing either.
    await database.close();
    await expect(backUp(database, directory, backup)).rejects.toThrow(DatabaseUnusable);
    expect([readdirSync(directory).includes("copy"), beside()]).toEqual([
      false,
      before.filter((name) => !name.endsWith(".incomplete")),
    ]);
    rmSync(link);
  });

  describe("that cannot be opened says why, and what to do", () => {
    it("where a file is", async () => {
      const file = join(directory, "file");
      writeFileSync(file, "");
      const attempt = openEmbedded(file);
      await expect(attempt).rejects.toThrow(DatabaseUnusable);
      await expect(attempt).rejects.toThrow(/did not start: .*EEXIST.*; name a directory, not a file/s);
    });

    it("where a link leads to nothing, and makes nothing there", async () => {
      const link = join(directory, "link");
      symlinkSync(join(directory, "unmounted"), link);
      await expect(openEmbedded(link)).rejects.toThrow(/it leads through a link to nothing/);
      expect(existsSync(join(directory, "unmounted"))).toBe(false);
      rmSync(link);
    });

    it("where another directory leads to the same database by a link", async () => {
      const other = join(directory, "other");
      mkdirSync(other);
      symlinkSync(join(directory, "database"), join(other, "database"));
      await expect(openEmbedded(other)).rejects.toThrow(/other\/database is a link; name the directory that holds/);
      expect(lstatSync(join(other, "database")).isSymbolicLink()).toBe(true);
      rmSync(other, { recursive: true });
    });

    it("where it is of another version of PostgreSQL", async () => {
      const newer = embeddedDirectory();
      writeFileSync(join(newer, "database", "PG_VERSION"), "19\n");
      await expect(openEmbedded(newer)).rejects.toThrow(/it is of another version of PostgreSQL/);
      rmSync(newer, { recursive: true });
    });

    it("where a backup was put in the place of one that was never made to its end, and leaves it alone", async () => {
      const restored = embeddedDirectory();
      const marker = join(restored, "database.incomplete");
      const { ino } = statSync(restored);
      writeFileSync(marker, String(ino));
      await expect(openEmbedded(restored)).rejects.toThrow(/is not of the one that is there now; remove the file/);
      rmSync(marker);
      const database = await openEmbedded(restored);
      expect(await database.sql`SELECT FROM trades`).toEqual([]);
      await database.close();
      rmSync(restored, { recursive: true });
    });

    it("where it has lost what tells it from a new one, and leaves what is there alone", async () => {
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

    it("where its files are damaged", async () => {
      const damaged = embeddedDirectory();
      const control = join(damaged, "database", "global", "pg_control");
      writeFileSync(control, Buffer.alloc(8192, 7));
      await expect(openEmbedded(damaged)).rejects.toThrow(
        /did not start: .*; .* its files are damaged: put a backup in its place/s,
      );
      expect(readFileSync(control)).toEqual(Buffer.alloc(8192, 7));
      rmSync(damaged, { recursive: true });
    });
  });
});
