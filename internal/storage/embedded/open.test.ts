import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parseTime, seconds } from "../../canonical/time.ts";
import { type Database, openDatabase } from "../database.ts";
import { DatabaseUnusable } from "../errors.ts";
import { migrateUp, requireMigrated } from "../migrate.ts";
import { expectRollupsExact } from "../rollups.testing.ts";
import { freshPair, trade } from "../trades.testing.ts";
import { writeTrades } from "../trades.ts";
import { isAlive, readLock } from "./lock.ts";
import { openEmbedded } from "./open.ts";

const T = parseTime("2026-03-01T10:00:00Z");

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "stellarindex-embedded-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const open = (): Promise<Database> => openDatabase({ url: `pglite:${directory}`, max_connections: 4 });
const holder = (): number => readLock(directory)?.pid ?? 0;

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
    expect(readLock(directory)).toBeNull();
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

  it("is opened by itself once the process has gone that held it", async () => {
    const holding = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    const socket = join(directory, "holding.sock");
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(socket, resolve));
    writeFileSync(join(directory, "lock.json"), JSON.stringify({ pid: holding.pid, socket }));
    const opening = openEmbedded(directory);
    // Asked for an answer, the holder ends without one.
    const [asked] = (await once(silent, "connection")) as [Socket];
    holding.kill("SIGKILL");
    await once(holding, "exit");
    asked.destroy();
    silent.close();
    const database = await opening;
    await requireMigrated(database);
    expect(holder()).not.toBe(holding.pid);
    await database.close();
  });

  describe("that a living process holds which does not answer is refused by name", () => {
    const refused = async (socket: string) => {
      writeFileSync(join(directory, "lock.json"), JSON.stringify({ pid: process.pid, socket }));
      const attempt = openEmbedded(directory, { holderPatienceMs: 150 });
      await expect(attempt).rejects.toThrow(DatabaseUnusable);
      await expect(attempt).rejects.toThrow(
        `the database in ${directory} is held by process ${process.pid}, which does not answer`,
      );
      await expect(attempt).rejects.toThrow(
        `stop that process, or remove ${join(directory, "lock.json")} if it is another program`,
      );
      expect(holder()).toBe(process.pid);
      rmSync(join(directory, "lock.json"));
    };

    it("because nothing listens", () => refused(join(directory, "nobody.sock")));

    it("because it is silent", async () => {
      const silent = createServer((socket) => socket.resume());
      const socket = join(directory, "silent.sock");
      await new Promise<void>((resolve) => silent.listen(socket, resolve));
      await refused(socket);
      await new Promise((resolve) => silent.close(resolve));
    });
  });

  it("cannot be where a file is", async () => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    const attempt = openEmbedded(file);
    await expect(attempt).rejects.toThrow(DatabaseUnusable);
    await expect(attempt).rejects.toThrow(/did not start \(.*EEXIST.*check that the directory can be written/s);
  });
});
