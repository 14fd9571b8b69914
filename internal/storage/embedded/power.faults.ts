import { execFile, execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { parseTime, seconds } from "../../canonical/time.ts";
import type { Database } from "../connection/database.ts";
import { openDatabase } from "../open-database.ts";
import { expectRollupsExact } from "../rollups/rollups.testing.ts";
import { migrateUp } from "../schema/migrate.ts";
import { freshPair, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { type LockFile, latestLockFile } from "./lock-files.ts";

const run = promisify(execFile);
const T = parseTime("2026-03-01T10:00:00Z");
const IMAGES = 50;
const BATCH = 50;
const OTHER_BOOT = "6f1c9b1e-0000-4000-8000-000000000000";

const place = mkdtempSync(join(tmpdir(), "stellarindex-power-"));
const at = (name: string): string => join(place, name);
const mounted: string[] = [];

function mount(image: string, ...options: string[]): string {
  const point = `${image}.mounted`;
  mkdirSync(point, { recursive: true });
  execFileSync("mount", ["-o", ["loop", ...options].join(","), image, point]);
  mounted.push(point);
  return point;
}

function unmount(point: string): void {
  execFileSync("umount", [point]);
  mounted.splice(mounted.indexOf(point), 1);
}

/** A disk in a file, on a file system that can copy a file atomically. */
function makeDisk(): { disk: string; copies: string } | null {
  try {
    writeFileSync(at("host"), "");
    truncateSync(at("host"), 6 * 2 ** 30);
    execFileSync("mkfs.xfs", ["-q", "-m", "reflink=1", at("host")], { stdio: "ignore" });
    const copies = mount(at("host"));
    const disk = join(copies, "disk");
    writeFileSync(disk, "");
    truncateSync(disk, 768 << 20);
    execFileSync("mkfs.ext4", ["-q", disk], { stdio: "ignore" });
    return { disk, copies };
  } catch (error) {
    console.log(`left out: power cuts, because no file system can be made and mounted here (${String(error)})`);
    return null;
  }
}

const made = makeDisk();
afterAll(() => {
  for (const point of mounted.reverse()) execFileSync("umount", ["--lazy", point]);
  rmSync(place, { recursive: true, force: true });
});

interface Image {
  readonly path: string;
  /** The batches that were acknowledged before and after the image was taken. */
  readonly before: number;
  readonly after: number;
}

const open = (directory: string): Promise<Database> => openDatabase({ url: `pglite:${directory}`, max_connections: 1 });

describe.skipIf(made === null)("a database on a disk whose power is cut during writes", () => {
  const { disk, copies } = made ?? { disk: "", copies: "" };
  const pair = freshPair();

  async function takeImages(): Promise<Image[]> {
    const live = join(mount(disk), "data");
    const database = await open(live);
    const retention = { trades: 0, trades_1m: 0, trades_1h: 0 };
    await migrateUp(database, { timescaledb: "auto", retention, log: () => {} });
    let acknowledged = 0;
    let isOver = false;
    const writing = (async () => {
      for (; !isOver; acknowledged++) {
        const from = T + seconds(acknowledged * 7);
        const rows = Array.from({ length: BATCH }, (_, index) =>
          trade(pair, from + BigInt(index), { tradeId: `${acknowledged}-${index}`, quote: `${index + 1}` }),
        );
        await writeTrades(database, rows);
      }
    })();
    const images: Image[] = [];
    while (images.length < IMAGES) {
      await sleep(Math.random() * 400);
      const path = join(copies, `image-${images.length}`);
      const before = acknowledged;
      await run("cp", ["--reflink=always", disk, path]);
      images.push({ path, before, after: acknowledged });
    }
    isOver = true;
    await writing;
    await database.close();
    unmount(`${disk}.mounted`);
    return images;
  }

  /**
   * Opens a snapshot as documented; the first one as after a boot, which numbers devices again.
   */
  function prepare(directory: string, isBooted: boolean): void {
    const { path, holder } = latestLockFile(directory) as LockFile;
    if (isBooted) writeFileSync(path, JSON.stringify({ ...holder, boot: OTHER_BOOT }));
    else rmSync(path);
  }

  it(`has every acknowledged batch, complete, and exact rollups (${IMAGES} images)`, {
    timeout: 900_000,
  }, async () => {
    const images = await takeImages();
    expect(images.at(-1)?.after).toBeGreaterThan(IMAGES);
    const check = async ({ path, before, after }: Image, index: number) => {
      const point = mount(path);
      const directory = join(point, "data");
      prepare(directory, index === 0);
      const database = await open(directory);
      const [row] = await database.sql<{ batches: number; trades: number }[]>`
          SELECT count(DISTINCT split_part(trade_id, '-', 1))::int AS batches, count(*)::int AS trades FROM trades`;
      const { batches, trades } = row ?? { batches: 0, trades: 0 };
      expect(batches).toBeGreaterThanOrEqual(before);
      // One batch may have been stored without an acknowledgement.
      expect(batches).toBeLessThanOrEqual(after + 1);
      expect(trades).toBe(batches * BATCH);
      await expectRollupsExact(database);
      expect(await writeTrades(database, [trade(pair, T - 1n)])).toMatchObject({ inserted: 1 });
      await database.close();
      unmount(point);
      rmSync(path);
    };
    const left = [...images.entries()];
    const checkTheRest = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await check(next[1], next[0]);
    };
    await Promise.all([checkTheRest(), checkTheRest()]);
  });

  it("starts if the power was cut during its creation", { timeout: 300_000 }, async () => {
    const live = join(mount(disk), "new");
    const making = open(live);
    const images: string[] = [];
    let isMade = false;
    void making.then(() => {
      isMade = true;
    });
    while (!isMade) {
      const path = join(copies, `new-${images.length}`);
      await run("cp", ["--reflink=always", disk, path]);
      const isBegun = existsSync(join(live, "database.incomplete"));
      if (isBegun) images.push(path);
      await sleep(100);
    }
    await (await making).close();
    unmount(`${disk}.mounted`);
    // The last images, in which most files exist.
    for (const path of images.slice(-3)) {
      const point = mount(path);
      const directory = join(point, "new");
      for (const name of readdirSync(directory).filter((other) => other.startsWith("lock."))) {
        rmSync(join(directory, name));
      }
      const database = await open(directory);
      expect(await database.sql`SELECT 1 AS one`).toEqual([{ one: 1 }]);
      expect(readFileSync(join(directory, "database", "PG_VERSION"), "utf8")).toBe("18\n");
      await database.close();
      unmount(point);
    }
    expect(images.length).toBeGreaterThan(0);
  });
});
