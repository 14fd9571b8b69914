import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { HOUR } from "../../canonical/bucket.ts";
import { parseTime } from "../../canonical/time.ts";
import { NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import { packageRoot } from "../../lib/package-root.ts";
import {
  createTestDatabase,
  openTestDatabase,
  type TestDatabase,
  testEngines,
} from "../connection/database.testing.ts";
import type { Database } from "../connection/database.ts";
import { DatabaseUnusable, RawDataExpired } from "../connection/errors.ts";
import { connect } from "../connection/pool.ts";
import { openDatabase } from "../open-database.ts";
import { expectRollupsExact } from "../rollups/rollups.testing.ts";
import { deleteTrades } from "../trades/corrections.ts";
import { freshPair, sessionOf, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { withSnapshot } from "../windows/snapshot.ts";
import { type MigrateOptions, migrateDown, migrateUp, migrationStatus, requireMigrated } from "./migrate.ts";

const MIGRATIONS = [
  "trades",
  "rollups",
  "rollup-costs",
  "cheap-checks",
  "price-forming",
  "rollup-weights",
  "fixed-names",
  "control-jobs",
  "control-audit",
  "control-runs",
  "control-incidents",
  "ingest",
  "collected-feeds",
  "due-marks",
  "events",
].map((name, index) => ({ version: index + 1, name }));
const NEWEST = MIGRATIONS.length;
const FOR_EVER = { trades: 0, trades_1m: 0, trades_1h: 0 };
const DAY = 86_400;

describe.each(enginesOf(testEngines))("migrations on $name", (engine) => {
  let created: Awaited<ReturnType<typeof createTestDatabase>>;
  let database: Database;
  // One database that is empty at first; every later test finds it migrated and leaves it migrated.
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

  /** Returns the tables, functions and procedures of our schemas that do not belong to an extension. */
  async function ownObjects(): Promise<string[]> {
    const rows = await database.sql<{ name: string }[]>`
      WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'control', 'ingest'))
      SELECT name FROM (
        SELECT oid, relname AS name FROM pg_class WHERE relkind IN ('r', 'p', 'v') AND relnamespace IN (SELECT oid FROM ours)
        UNION ALL SELECT oid, proname FROM pg_proc WHERE pronamespace IN (SELECT oid FROM ours)
      ) AS objects
      WHERE NOT EXISTS (SELECT FROM pg_depend WHERE objid = objects.oid AND deptype = 'e')
      ORDER BY name`;
    return rows.map(({ name }) => name);
  }

  /** Returns the distinct storage options of the rollup tables and their chunks. */
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

  it("are all missing in an empty database, which is refused with the fix", async () => {
    expect(await migrationStatus(database)).toEqual(MIGRATIONS.map((each) => ({ ...each, appliedAt: null })));
    await expect(requireMigrated(database)).rejects.toThrow(
      new DatabaseUnusable(`the database lacks ${NEWEST} of ${NEWEST} migrations; run: stellarindex migrate up`),
    );
    // The check creates nothing.
    expect(await ownObjects()).toEqual([]);
  });

  if (engine.name !== "timescaledb")
    it("create nothing if TimescaleDB is required and missing", async () => {
      const attempt = up({ timescaledb: "require" });
      await expect(attempt).rejects.toThrow(DatabaseUnusable);
      await expect(attempt).rejects.toThrow(
        /^\[database\] timescaledb = "require", but TimescaleDB is not (installed on the server|in shared_preload_libraries); install and preload TimescaleDB, or use "auto"$/,
      );
      expect(await ownObjects()).toEqual([]);
    });

  it("are applied and listed by status", async () => {
    expect(await up()).toEqual(
      expect.arrayContaining(MIGRATIONS.map(({ version, name }) => `applied migration ${version} (${name})`)),
    );
    const status = await migrationStatus(database);
    expect(status.map(({ version, name }) => ({ version, name }))).toEqual(MIGRATIONS);
    const ages = status.map(({ appliedAt }) => BigInt(Date.now()) * 1000n - (appliedAt ?? 0n));
    expect(ages.every((age) => age >= 0n && age < HOUR)).toBe(true);
    await requireMigrated(database);
  });

  it("change nothing when they are applied again", async () => {
    const pair = freshPair();
    await writeTrades(database, [trade(pair, "2026-03-01T10:00:00Z")]);
    const before = await migrationStatus(database);
    expect((await up()).filter((line) => line.startsWith("applied"))).toEqual([]);
    expect(await migrationStatus(database)).toEqual(before);
    expect(await writeTrades(database, [trade(pair, "2026-03-01T10:00:00Z")])).toMatchObject({ known: 1 });
    await expectRollupsExact(database);
  });

  it("can be undone one by one, and applied again", async () => {
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    for (let left = NEWEST - 1; left >= 0; left--) {
      await migrateDown(database, log);
      expect(await applied()).toEqual(MIGRATIONS.slice(0, left).map(({ version }) => version));
      await expect(requireMigrated(database)).rejects.toThrow(
        `the database lacks ${NEWEST - left} of ${NEWEST} migrations`,
      );
    }
    const undone = lines.filter((line) => !/^dropped \d+ chunks of trades/.test(line));
    expect(undone).toEqual(MIGRATIONS.map(({ version, name }) => `undid migration ${version} (${name})`).reverse());
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

  it("count existing trades when they are applied", async () => {
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

  it("change fill factor and trigger function, also for existing chunks, and restore them when undone", async () => {
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

  it("cannot be undone to the current or a later version, nor while rollups are the only record", async () => {
    await up();
    await expect(migrateDown(database, () => {}, NEWEST)).rejects.toThrow(
      `there is nothing to undo above migration ${NEWEST}`,
    );
    await database.sql`UPDATE retention_horizons SET complete_from = '2026-01-01' WHERE table_name = 'trades'`;
    await expect(migrateDown(database, () => {}, 1)).rejects.toThrow("the rollups are the only memory of them");
    await database.sql`UPDATE retention_horizons SET complete_from = '-infinity' WHERE table_name = 'trades'`;
    expect(await applied()).toEqual(MIGRATIONS.map(({ version }) => version));
  });

  it("are refused by number if an applied one was edited", async () => {
    // This is equivalent to an edited file: the stored checksum differs from the file's.
    for (const { version } of MIGRATIONS) {
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

  it("that this program does not know are refused by name at the start, on up and on down", async () => {
    await database.sql`INSERT INTO stellarindex_migrations (version, name, md5, run_at) VALUES (99, 'later', 'x', now())`;
    const refusal = new DatabaseUnusable(
      `the database has migration 99 (later), newer than this program, which ends at ${NEWEST}; update the program`,
    );
    await expect(requireMigrated(database)).rejects.toThrow(refusal);
    await expect(up()).rejects.toThrow(refusal);
    await expect(migrateDown(database, () => {})).rejects.toThrow(refusal);
    await expect(migrateDown(database, () => {}, 3)).rejects.toThrow(refusal);
    expect((await migrationStatus(database)).at(-1)).toMatchObject({ version: 99, name: "later" });
    await database.sql`DELETE FROM stellarindex_migrations WHERE version = 99`;
    await requireMigrated(database);
  });

  it("are rolled back if a later step fails", async () => {
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

  it("report the steps that they skip", async () => {
    const off = await up({ timescaledb: "off", retention: { ...FOR_EVER, trades: DAY } });
    expect(off).toEqual([
      "plain PostgreSQL tables: [database] timescaledb is off",
      "skipped: jobs that apply [database.retention]; run stellarindex prune daily, for instance from cron",
    ]);
    if (engine.name === "timescaledb") return;
    expect(await up({ timescaledb: "auto" })).toEqual([
      expect.stringMatching(/^plain PostgreSQL tables: TimescaleDB is not (installed on|in shared_preload_libraries)/),
    ]);
  });

  if (engine.server !== null)
    describe("on a server (server engines)", () => {
      it("run once if two processes start them at the same time", async () => {
        const fresh = await createTestDatabase(engine);
        const both = await Promise.all([1, 2].map(() => openDatabase({ url: fresh.url, max_connections: 1 })));
        try {
          const lines = await Promise.all(both.map((one) => up({}, one)));
          expect(lines.flat().filter((line) => line.startsWith("applied"))).toHaveLength(NEWEST);
          await Promise.all(both.map((one) => requireMigrated(one)));
        } finally {
          await Promise.all(both.map((one) => one.close()));
          await fresh.drop();
        }
      });

      it("wait for their lock with a timeout, like corrections, and report its holder immediately", async () => {
        const fresh = await createTestDatabase(engine);
        const sql = connect(fresh.url, { max: 1, connection: { lock_timeout: 300, statement_timeout: 200 } });
        const waiting: Database = { sql, engine: "postgres", breaker: NO_CIRCUIT_BREAKER, close: () => sql.end() };
        const stranger = connect(fresh.url, { max: 1, connection: { application_name: "a stranger" } });
        try {
          await up({}, waiting);
          await stranger`SELECT pg_advisory_lock(7203111840), pg_advisory_lock(7203111841)`;
          const [{ role } = { role: "" }] = await stranger<{ role: string }[]>`SELECT current_user::text AS role`;
          const holder = `held since 20.* by process ${await sessionOf(stranger)} of role ${role}, application "a stranger"`;
          const lines: string[] = [];
          const refusal = new RegExp(`the migrations lock was not released within 300ms: ${holder}`);
          await expect(up({ log: (line) => void lines.push(line) }, waiting)).rejects.toThrow(refusal);
          await expect(migrateDown(waiting, () => {})).rejects.toThrow(refusal);
          expect(lines).toEqual([expect.stringMatching(`waiting up to 300ms for the migrations lock: ${holder}`)]);
          const hour = { from: parseTime("2026-03-01T10:00:00Z"), to: parseTime("2026-03-01T11:00:00Z") };
          await expect(deleteTrades(waiting, { pair: freshPair(), ...hour })).rejects.toThrow(
            new RegExp(`the corrections lock was not released within 300ms: ${holder}`),
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

      it("are refused if search_path selects a schema other than public", async () => {
        const fresh = await createTestDatabase(engine);
        const elsewhere = connect(fresh.url, { max: 1, connection: { search_path: "elsewhere, public" } });
        try {
          await elsewhere`CREATE SCHEMA elsewhere`;
          const owned: Database = {
            sql: elsewhere,
            engine: "postgres",
            breaker: NO_CIRCUIT_BREAKER,
            close: () => elsewhere.end(),
          };
          await expect(up({}, owned)).rejects.toThrow(
            "the tables must be in schema public, but search_path selects elsewhere",
          );
        } finally {
          await elsewhere.end();
          await fresh.drop();
        }
      });

      it("need no superuser, only the ownership of the database", async () => {
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
        const owned: Database = { sql, engine: "postgres", breaker: NO_CIRCUIT_BREAKER, close: () => sql.end() };
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

describe.each(testEngines.filter(({ name }) => name === "timescaledb"))("migrate sets up on $name", (engine) => {
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

  it("hypertables with the existing rows", async () => {
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

  it("retention as configured now", async () => {
    const jobs = async () => [
      ...(await database.sql`
        SELECT config ->> 'table' AS name, (config ->> 'keep_seconds')::int AS keep, schedule_interval::text AS every
        FROM timescaledb_information.jobs WHERE proc_name = 'stellarindex_expire' ORDER BY 1`),
    ];
    // Long enough that a job which runs meanwhile removes nothing.
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
    // Calls the procedure like the job; without configured retention there is no job.
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
    await expect(timeWeighted(31)).rejects.toThrow(`rows before ${horizon} have been removed`);
    expect(await timeWeighted(29)).toMatchObject({ tradeCount: 2 });

    // It can no longer be known whether such a trade was counted before.
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
    // A longer retention does not restore rows.
    await expire("trades", 100);
    await expect(timeWeighted(31)).rejects.toThrow(RawDataExpired);

    const wholeHours = { from: ago(50) - (ago(50) % 3_600_000_000n), to: now - (now % 3_600_000_000n) };
    const totals = () => withSnapshot(database, (reader) => reader.totals([pair], wholeHours));
    expect(await totals()).toMatchObject([{ tradeCount: 4 }]);
    await expire("trades_1h", 45);
    await expect(totals()).rejects.toThrow(/needs trades_1h from/);
  });
});
