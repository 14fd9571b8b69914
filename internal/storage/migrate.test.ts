import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOUR } from "../canonical/bucket.ts";
import { parseTime } from "../canonical/time.ts";
import { packageRoot } from "../package/root.ts";
import { NO_GUARD } from "../resilience/guard.ts";
import { deleteTrades } from "./corrections.ts";
import { createTestDatabase, openTestDatabase, type TestDatabase, testEngines } from "./database.testing.ts";
import { type Database, openDatabase } from "./database.ts";
import { DatabaseUnusable, RawDataExpired } from "./errors.ts";
import { type MigrateOptions, migrateDown, migrateUp, migrationStatus, requireMigrated } from "./migrate.ts";
import { connect } from "./pool.ts";
import { expectRollupsExact } from "./rollups.testing.ts";
import { withSnapshot } from "./snapshot.ts";
import { freshPair, sessionOf, trade } from "./trades.testing.ts";
import { writeTrades } from "./trades.ts";

const FOR_EVER = { trades: 0, trades_1m: 0, trades_1h: 0 };
const DAY = 86_400;

describe.each(testEngines)("migrations on $name", (engine) => {
  let created: Awaited<ReturnType<typeof createTestDatabase>>;
  let database: Database;
  // One database, empty at first; every test but the first finds it migrated and leaves it so.
  beforeAll(async () => {
    created = await createTestDatabase(engine);
    database = await created.open();
  });
  afterAll(async () => {
    await database.close();
    await created.drop();
  });

  const up = async (options: Partial<MigrateOptions> = {}, on: Database = database): Promise<string[]> => {
    const lines: string[] = [];
    await migrateUp(on, {
      timescaledb: engine.timescaledb,
      retention: FOR_EVER,
      log: (line) => void lines.push(line),
      ...options,
    });
    return lines;
  };

  /** Tables, functions and procedures that are not an extension's, in the schema that everything is in. */
  async function ownObjects(): Promise<string[]> {
    const rows = await database.sql<{ name: string }[]>`
      SELECT name FROM (
        SELECT oid, relname AS name FROM pg_class WHERE relkind IN ('r', 'p', 'v') AND relnamespace = 'public'::regnamespace
        UNION ALL SELECT oid, proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
      ) AS objects
      WHERE NOT EXISTS (SELECT FROM pg_depend WHERE objid = objects.oid AND deptype = 'e')
      ORDER BY name`;
    return rows.map(({ name }) => name);
  }

  /** The different storage options of the rollup tables and their chunks. */
  async function rollupOptions(): Promise<string[]> {
    const rows = await database.sql<{ options: string }[]>`
      SELECT DISTINCT array_to_string(reloptions, ',') AS options
      FROM pg_class LEFT JOIN pg_inherits ON inhrelid = oid
      WHERE coalesce(inhparent, oid) IN ('trades_1m'::regclass, 'trades_1h'::regclass)`;
    return rows.map(({ options }) => options);
  }

  async function sourceOf(name: string): Promise<string> {
    const [row] = await database.sql<
      { source: string }[]
    >`SELECT prosrc AS source FROM pg_proc WHERE proname = ${name}`;
    return row?.source ?? "";
  }

  const applied = async (): Promise<number[]> =>
    (await migrationStatus(database)).filter(({ appliedAt }) => appliedAt !== null).map(({ version }) => version);

  it("are all missing in an empty database, which is refused with the cure", async () => {
    expect(await migrationStatus(database)).toEqual([
      { version: 1, name: "trades", appliedAt: null },
      { version: 2, name: "rollups", appliedAt: null },
      { version: 3, name: "rollup-costs", appliedAt: null },
      { version: 4, name: "cheap-checks", appliedAt: null },
      { version: 5, name: "price-forming", appliedAt: null },
      { version: 6, name: "rollup-weights", appliedAt: null },
      { version: 7, name: "fixed-names", appliedAt: null },
    ]);
    await expect(requireMigrated(database)).rejects.toThrow(
      new DatabaseUnusable("the database lacks 7 of 7 migrations; run: stellarindex migrate up"),
    );
    // To ask leaves no trace.
    expect(await ownObjects()).toEqual([]);
  });

  if (engine.name !== "timescaledb")
    it("leave nothing behind where TimescaleDB is required and missing", async () => {
      const attempt = up({ timescaledb: "require" });
      await expect(attempt).rejects.toThrow(DatabaseUnusable);
      await expect(attempt).rejects.toThrow(
        /^\[database\] timescaledb = "require", but TimescaleDB is not (installed on the server|in shared_preload_libraries); install and preload TimescaleDB, or use "auto"$/,
      );
      expect(await ownObjects()).toEqual([]);
    });

  it("go up, and are told by status", async () => {
    expect(await up()).toEqual(
      expect.arrayContaining([
        "applied migration 1 (trades)",
        "applied migration 2 (rollups)",
        "applied migration 3 (rollup-costs)",
        "applied migration 4 (cheap-checks)",
        "applied migration 5 (price-forming)",
        "applied migration 6 (rollup-weights)",
        "applied migration 7 (fixed-names)",
      ]),
    );
    const status = await migrationStatus(database);
    expect(status.map(({ version, name }) => [version, name])).toEqual([
      [1, "trades"],
      [2, "rollups"],
      [3, "rollup-costs"],
      [4, "cheap-checks"],
      [5, "price-forming"],
      [6, "rollup-weights"],
      [7, "fixed-names"],
    ]);
    const ages = status.map(({ appliedAt }) => BigInt(Date.now()) * 1000n - (appliedAt ?? 0n));
    expect(ages.every((age) => age >= 0n && age < HOUR)).toBe(true);
    await requireMigrated(database);
  });

  it("change nothing when they are run again", async () => {
    const pair = freshPair();
    await writeTrades(database, [trade(pair, "2026-03-01T10:00:00Z")]);
    const before = await migrationStatus(database);
    expect((await up()).filter((line) => line.startsWith("applied"))).toEqual([]);
    expect(await migrationStatus(database)).toEqual(before);
    expect(await writeTrades(database, [trade(pair, "2026-03-01T10:00:00Z")])).toMatchObject({ known: 1 });
    await expectRollupsExact(database);
  });

  it("go down one by one, all the way, and up again", async () => {
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    await migrateDown(database, log);
    expect(await applied()).toEqual([1, 2, 3, 4, 5, 6]);
    await expect(requireMigrated(database)).rejects.toThrow("the database lacks 1 of 7 migrations");
    for (const left of [5, 4, 3, 2]) {
      await migrateDown(database, log);
      expect(await applied()).toHaveLength(left);
    }
    await migrateDown(database, log);
    expect(await applied()).toEqual([1]);
    await migrateDown(database, log);
    expect(await applied()).toEqual([]);
    const undone = lines.filter((line) => !/^dropped \d+ chunks of trades/.test(line));
    expect(undone).toEqual([
      "undid migration 7 (fixed-names)",
      "undid migration 6 (rollup-weights)",
      "undid migration 5 (price-forming)",
      "undid migration 4 (cheap-checks)",
      "undid migration 3 (rollup-costs)",
      "undid migration 2 (rollups)",
      "undid migration 1 (trades)",
    ]);
    expect(await ownObjects()).toEqual(["stellarindex_migrations"]);
    await migrateDown(database, log);
    expect(lines.at(-1)).toBe("no migration is applied: there is nothing to undo");

    await up();
    await migrateDown(database, log, 0);
    expect(await applied()).toEqual([]);
    await up();
    await requireMigrated(database);
    expect(await writeTrades(database, [trade(freshPair(), "2026-03-01T10:00:00Z")])).toMatchObject({ inserted: 1 });
    await expectRollupsExact(database);
  });

  it("go up over trades that are there, and count them", async () => {
    await up();
    const pair = freshPair();
    await writeTrades(database, [trade(pair, "2026-03-01T10:00:00Z"), trade(pair, "2026-03-01T11:59:59Z")]);
    await migrateDown(database, () => {}, 1);
    await up();
    await expectRollupsExact(database);
    const [row] = await database.sql<{ n: number }[]>`
      SELECT sum(trade_count)::int AS n FROM trades_1h WHERE base_asset = ${pair.base}`;
    expect(row?.n).toBe(2);
  });

  it("give rollup rows room and another function, in chunks that are there already too; undone, all is as before", async () => {
    await up();
    await writeTrades(database, [trade(freshPair(), "2026-03-01T10:00:00Z")]);
    const is3 = [await rollupOptions(), await sourceOf("trades_add_to_rollups")] as const;
    expect(is3[0]).toEqual(["fillfactor=50,autovacuum_vacuum_scale_factor=0.01,autovacuum_vacuum_threshold=1000"]);
    await migrateDown(database, () => {}, 2);
    expect(await rollupOptions()).toEqual(["fillfactor=70"]);
    const is2 = await sourceOf("trades_add_to_rollups");
    expect(is2).not.toBe(is3[1]);
    expect(readFileSync(join(packageRoot(), "migrations", "002.do.rollups.sql"), "utf8")).toContain(is2);
    await up();
    expect([await rollupOptions(), await sourceOf("trades_add_to_rollups")]).toEqual(is3);
    await writeTrades(database, [trade(freshPair(), "2026-03-01T10:00:00Z")]);
    await expectRollupsExact(database);
  });

  it("do not go down to where they are or above, nor while rollups are the only memory", async () => {
    await up();
    await expect(migrateDown(database, () => {}, 7)).rejects.toThrow("there is nothing to undo above migration 7");
    await database.sql`UPDATE retention_horizons SET complete_from = '2026-01-01' WHERE table_name = 'trades'`;
    await expect(migrateDown(database, () => {}, 1)).rejects.toThrow("the rollups are the only memory of them");
    await database.sql`UPDATE retention_horizons SET complete_from = '-infinity' WHERE table_name = 'trades'`;
    expect(await applied()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it("are refused by number once an applied one was edited", async () => {
    // The same as an edited file: the checksum that was stored and the file's differ.
    for (const version of [1, 2, 3, 4, 5, 6, 7]) {
      const [row] = await database.sql<{ md5: string }[]>`
        UPDATE stellarindex_migrations AS edited SET md5 = 'edited' FROM stellarindex_migrations AS original
        WHERE edited.version = ${version} AND original.version = edited.version RETURNING original.md5`;
      await expect(up()).rejects.toThrow(
        new DatabaseUnusable(
          `migration ${version} was edited after it was applied; restore its file and write a new migration instead`,
        ),
      );
      await database.sql`UPDATE stellarindex_migrations SET md5 = ${row?.md5 ?? ""} WHERE version = ${version}`;
    }
    await up();
  });

  it("that this program does not know are refused by name: when it starts, and up and down", async () => {
    await database.sql`INSERT INTO stellarindex_migrations (version, name, md5, run_at) VALUES (99, 'later', 'x', now())`;
    const refusal = new DatabaseUnusable(
      "the database has migration 99 (later), newer than this program, which ends at 7; update the program",
    );
    await expect(requireMigrated(database)).rejects.toThrow(refusal);
    await expect(up()).rejects.toThrow(refusal);
    await expect(migrateDown(database, () => {})).rejects.toThrow(refusal);
    await expect(migrateDown(database, () => {}, 3)).rejects.toThrow(refusal);
    expect((await migrationStatus(database)).at(-1)).toMatchObject({ version: 99, name: "later" });
    await database.sql`DELETE FROM stellarindex_migrations WHERE version = 99`;
    await requireMigrated(database);
  });

  it("undo themselves where a later step fails", async () => {
    await migrateDown(database, () => {}, 0);
    const failing = up({
      log: (line) => {
        if (line.startsWith("applied migration 2")) throw new Error("the disk is full");
      },
    });
    await expect(failing).rejects.toThrow("the disk is full");
    expect(await applied()).toEqual([]);
    expect(await ownObjects()).toEqual(["stellarindex_migrations"]);
    await up();
  });

  it("say what they leave out", async () => {
    const off = await up({ timescaledb: "off", retention: { ...FOR_EVER, trades: DAY } });
    expect(off).toEqual([
      "plain PostgreSQL tables: [database] timescaledb is off",
      "left out: jobs that apply [database.retention]; run stellarindex prune every day, for instance from cron",
    ]);
    if (engine.name === "timescaledb") return;
    expect(await up({ timescaledb: "auto" })).toEqual([
      expect.stringMatching(/^plain PostgreSQL tables: TimescaleDB is not (installed on|in shared_preload_libraries)/),
    ]);
  });

  if (engine.server !== null)
    describe("on a server of its own (server engines)", () => {
      it("run once when two start them at once", async () => {
        const fresh = await createTestDatabase(engine);
        const both = await Promise.all([1, 2].map(() => openDatabase({ url: fresh.url, max_connections: 1 })));
        try {
          const lines = await Promise.all(both.map((one) => up({}, one)));
          expect(lines.flat().filter((line) => line.startsWith("applied"))).toHaveLength(7);
          await Promise.all(both.map((one) => requireMigrated(one)));
        } finally {
          await Promise.all(both.map((one) => one.close()));
          await fresh.drop();
        }
      });

      it("wait for the lock only so long, as corrections do for theirs, and say at once who holds it", async () => {
        const fresh = await createTestDatabase(engine);
        const sql = connect(fresh.url, { max: 1, connection: { lock_timeout: 300, statement_timeout: 200 } });
        const waiting: Database = { sql, engine: "postgres", guard: NO_GUARD, close: () => sql.end() };
        const stranger = connect(fresh.url, { max: 1, connection: { application_name: "a stranger" } });
        try {
          await up({}, waiting);
          await stranger`SELECT pg_advisory_lock(7203111840), pg_advisory_lock(7203111841)`;
          const [{ role } = { role: "" }] = await stranger<{ role: string }[]>`SELECT current_user::text AS role`;
          const holder = `process ${await sessionOf(stranger)} of role ${role}, application "a stranger", holds it since 20`;
          const lines: string[] = [];
          const refusal = `the lock of migrations was not free within 300ms: ${holder}`;
          await expect(up({ log: (line) => void lines.push(line) }, waiting)).rejects.toThrow(refusal);
          await expect(migrateDown(waiting, () => {})).rejects.toThrow(refusal);
          expect(lines).toEqual([
            expect.stringContaining(`waiting for the lock of migrations for 300ms at most: ${holder}`),
          ]);
          const hour = { from: parseTime("2026-03-01T10:00:00Z"), to: parseTime("2026-03-01T11:00:00Z") };
          await expect(deleteTrades(waiting, { pair: freshPair(), ...hour })).rejects.toThrow(
            `the lock of corrections was not free within 300ms: ${holder}`,
          );
          await stranger`SELECT pg_advisory_unlock_all()`;
          await up({}, waiting);
          await requireMigrated(waiting);
        } finally {
          await stranger.end();
          await waiting.close();
          await fresh.drop();
        }
      });

      it("are refused where search_path leads to another schema than public", async () => {
        const fresh = await createTestDatabase(engine);
        const elsewhere = connect(fresh.url, { max: 1, connection: { search_path: "elsewhere, public" } });
        try {
          await elsewhere`CREATE SCHEMA elsewhere`;
          const owned: Database = { sql: elsewhere, engine: "postgres", guard: NO_GUARD, close: () => elsewhere.end() };
          await expect(up({}, owned)).rejects.toThrow(
            "tables belong into schema public, and search_path leads to elsewhere",
          );
        } finally {
          await elsewhere.end();
          await fresh.drop();
        }
      });

      it("need no superuser, only a database of their own", async () => {
        const role = `stellarindex_owner_${randomBytes(6).toString("hex")}`;
        const password = randomBytes(12).toString("hex");
        const fresh = await createTestDatabase(engine);
        const { hostname, port, pathname } = new URL(fresh.url);
        await database.sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
        await database.sql.unsafe(`ALTER DATABASE ${pathname.slice(1)} OWNER TO ${role}`);
        const sql = connect(null, {
          host: hostname,
          port: Number(port || 5432),
          database: pathname.slice(1),
          username: role,
          password,
          max: 1,
        });
        const owned: Database = { sql, engine: "postgres", guard: NO_GUARD, close: () => sql.end() };
        try {
          await up({ timescaledb: "auto", retention: { ...FOR_EVER, trades: 1000 * DAY } }, owned);
          await requireMigrated(owned);
          expect(await writeTrades(owned, [trade(freshPair(), "2026-03-01T10:00:00Z")])).toMatchObject({ inserted: 1 });
          await expectRollupsExact(owned);
        } finally {
          await owned.close();
          await fresh.drop();
          await database.sql.unsafe(`DROP ROLE ${role}`);
        }
      });
    });
});

describe.each(testEngines.filter(({ name }) => name === "timescaledb"))("what migrate sets up on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());

  const migrate = (retention: MigrateOptions["retention"]): Promise<void> =>
    migrateUp(database, { timescaledb: "require", retention, log: () => {} });

  it("hypertables, and compression by market and source", async () => {
    const tables = await database.sql`
      SELECT hypertable_name AS name, time_interval::text AS chunk FROM timescaledb_information.hypertables
      JOIN timescaledb_information.dimensions USING (hypertable_name) ORDER BY hypertable_name`;
    expect([...tables]).toEqual([
      { name: "trades", chunk: "1 day" },
      { name: "trades_1h", chunk: "90 days" },
      { name: "trades_1m", chunk: "7 days" },
    ]);
    const settings = await database.sql`
      SELECT hypertable::text AS name, segmentby, orderby FROM timescaledb_information.hypertable_compression_settings
      WHERE segmentby IS NOT NULL OR orderby IS NOT NULL`;
    expect([...settings]).toEqual([
      { name: "trades", segmentby: "base_asset,quote_asset,source", orderby: "ts,trade_id" },
    ]);
    const policies = await database.sql`
      SELECT hypertable_name AS name, config ->> 'compress_after' AS after FROM timescaledb_information.jobs
      WHERE proc_name = 'policy_compression'`;
    expect([...policies]).toEqual([{ name: "trades", after: "7 days" }]);
  });

  it("hypertables with the rows that were there before", async () => {
    const fresh = await createTestDatabase(engine);
    const plain = await openDatabase({ url: fresh.url, max_connections: 1 });
    try {
      const options = { retention: FOR_EVER, log: () => {} };
      await migrateUp(plain, { timescaledb: "off", ...options });
      const pair = freshPair();
      const rows = ["2026-03-01T10:00:00Z", "2026-03-03T10:00:00Z"].map((ts) => trade(pair, ts));
      await writeTrades(plain, rows);
      await migrateUp(plain, { timescaledb: "require", ...options });
      const [chunks] = await plain.sql`SELECT count(*)::int AS chunks FROM show_chunks('trades')`;
      expect(chunks).toEqual({ chunks: 2 });
      expect(await writeTrades(plain, rows)).toMatchObject({ known: 2 });
      await writeTrades(plain, [trade(pair, "2026-03-01T10:00:01Z")]);
      await expectRollupsExact(plain);
    } finally {
      await plain.close();
      await fresh.drop();
    }
  });

  it("retention as the configuration has it now", async () => {
    const jobs = async () => [
      ...(await database.sql`
        SELECT config ->> 'table' AS name, (config ->> 'keep_seconds')::int AS keep, schedule_interval::text AS every
        FROM timescaledb_information.jobs WHERE proc_name = 'stellarindex_expire' ORDER BY 1`),
    ];
    // So long that a job which should run meanwhile removes nothing.
    await migrate({ ...FOR_EVER, trades: 2000 * DAY, trades_1m: 3000 * DAY });
    expect(await jobs()).toEqual([
      { name: "trades", keep: 2000 * DAY, every: "01:00:00" },
      { name: "trades_1m", keep: 3000 * DAY, every: "01:00:00" },
    ]);
    await migrate({ ...FOR_EVER, trades: 4000 * DAY, trades_1h: 5000 * DAY });
    expect(await jobs()).toEqual([
      { name: "trades", keep: 4000 * DAY, every: "01:00:00" },
      { name: "trades_1h", keep: 5000 * DAY, every: "01:00:00" },
    ]);
    await migrate(FOR_EVER);
    expect(await jobs()).toEqual([]);
  });

  it("retention that moves the horizon, then drops the chunks before it", async () => {
    const pair = freshPair();
    const now = BigInt(Math.floor(Date.now() / 1000)) * 1_000_000n;
    const ago = (days: number) => now - BigInt(days * DAY) * 1_000_000n;
    await writeTrades(
      database,
      [40, 20, 1].map((days) => trade(pair, ago(days))),
    );
    // As the job would be called; with no retention in the configuration, no job does.
    const expire = (table: string, days: number) => {
      const config = JSON.stringify({ table, keep_seconds: days * DAY });
      return database.sql`CALL stellarindex_expire(0, ${config}::text::jsonb)`;
    };
    const daysLeft = async (table: string, column: string) => {
      const rows = await database.sql<{ days: number }[]>`
        SELECT round(extract(epoch FROM now() - ${database.sql(column)}) / ${DAY})::int AS days FROM ${database.sql(table)}
        WHERE base_asset = ${pair.base} ORDER BY 1 DESC`;
      return rows.map(({ days }) => days);
    };
    const timeWeighted = (days: number) =>
      withSnapshot(database, (reader) =>
        reader.timeWeighted([pair], { from: ago(days), to: now }, { sources: null, filter: null, carrySeconds: 0 }),
      );

    await expire("trades", 30);
    expect(await daysLeft("trades", "ts")).toEqual([20, 1]);
    const [{ horizon } = { horizon: "" }] = await database.sql<{ horizon: string }[]>`
      SELECT to_char(complete_from, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS horizon FROM retention_horizons
      WHERE table_name = 'trades'`;
    expect(horizon).toMatch(/:00:00Z$/);
    await expect(timeWeighted(31)).rejects.toThrow(RawDataExpired);
    await expect(timeWeighted(31)).rejects.toThrow(`what was before ${horizon} has been removed`);
    expect(await timeWeighted(29)).toMatchObject({ tradeCount: 2 });

    // Whether such a trade was counted once can no longer be known.
    const late = writeTrades(database, [trade(pair, ago(1) + 1n), trade(pair, ago(31))]);
    await expect(late).rejects.toMatchObject({
      code: "23514",
      message: expect.stringMatching(/^trades from before .* have been pruned: a trade from then cannot be added$/),
      hint: "Leave out trades from before that time",
    });
    expect(await writeTrades(database, [trade(pair, ago(29))])).toMatchObject({ inserted: 1 });

    await expire("trades", 30);
    expect(await daysLeft("trades", "ts")).toEqual([29, 20, 1]);
    expect(await daysLeft("trades_1m", "bucket")).toEqual([40, 29, 20, 1]);
    // A longer retention brings nothing back.
    await expire("trades", 100);
    await expect(timeWeighted(31)).rejects.toThrow(RawDataExpired);

    const wholeHours = { from: ago(50) - (ago(50) % 3_600_000_000n), to: now - (now % 3_600_000_000n) };
    const totals = () => withSnapshot(database, (reader) => reader.totals([pair], wholeHours));
    expect(await totals()).toMatchObject([{ tradeCount: 4 }]);
    await expire("trades_1h", 45);
    await expect(totals()).rejects.toThrow(/needs trades_1h from/);
  });
});
