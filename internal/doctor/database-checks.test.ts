import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseDecimal } from "../canonical/decimal.ts";
import { type Pair, parsePair } from "../canonical/pair.ts";
import { load } from "../config/config.testing.ts";
import { policySettings } from "../config/schema.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../policy/policy.ts";
import {
  createTestDatabase,
  openTestDatabase,
  type TestDatabase,
  type TestEngine,
  testEngines,
} from "../storage/connection/database.testing.ts";
import { openDatabase } from "../storage/open-database.ts";
import { migrateUp } from "../storage/schema/migrate.ts";
import { writeTrades } from "../storage/trades/trades.ts";
import { databaseChecks } from "./database-checks.ts";
import { type CheckResult, runChecks } from "./run-checks.ts";
import { checkStoredTrades } from "./stored-trades.ts";

const XLM_USD = parsePair("XLM/USD");

/** Returns the findings about the database at the URL, under the given settings. */
async function examined(url: string, settings = ""): Promise<CheckResult[]> {
  const { config } = load(`[database]\nurl = ${JSON.stringify(url)}\nconnect_timeout_seconds = 2\n${settings}`);
  const { checks, close } = databaseChecks(
    config,
    [XLM_USD, XLM_USD, parsePair("BTC/USD")].map((pair) => ({ pair, markets: [pair] })),
    makePolicy(policySettings(config)).aliases,
  );
  try {
    return await runChecks(checks, 20_000);
  } finally {
    await close();
  }
}

const of = (all: readonly CheckResult[], check: string): CheckResult[] => all.filter((each) => each.check === check);
const statuses = (all: readonly CheckResult[], check: string): string[] => of(all, check).map(({ status }) => status);

function trade(tradeId: string, secondsAgo: number) {
  const ts = BigInt(Date.now() - secondsAgo * 1000) * 1000n;
  return {
    ...XLM_USD,
    ts,
    source: "kraken",
    tradeId,
    baseAmount: parseDecimal("1"),
    quoteAmount: parseDecimal("0.1"),
  };
}

describe("a database that cannot be reached", () => {
  it("is one finding, and the checks that need it are skipped", async () => {
    const all = await examined("postgres://someone:secret@127.0.0.1:1/nowhere");
    expect(of(all, "database")).toEqual([
      expect.objectContaining({ status: "wrong", found: expect.stringContaining("does not answer (") }),
    ]);
    const rest = all.filter(({ check }) => check !== "database");
    expect(rest.length).toBeGreaterThan(5);
    expect(new Set(rest.map(({ status }) => status))).toEqual(new Set(["skipped"]));
    expect(of(all, "rights")[0]?.found).toBe("the database could not be opened");
  });

  it("is skipped if it is embedded and does not exist yet, or is in the memory of another process", async () => {
    const missing = await examined(`pglite:${join(tmpdir(), "stellarindex-no-such-directory")}`);
    expect(of(missing, "database")).toEqual([
      expect.objectContaining({ status: "skipped", found: expect.stringContaining("no embedded database") }),
    ]);
    expect(statuses(await examined("pglite:memory"), "database")).toEqual(["skipped"]);
  });
});

it("an embedded database that cannot be opened is reported with its own message", async () => {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-doctor-"));
  try {
    const link = join(directory, "link");
    symlinkSync(join(directory, "unmounted"), link);
    expect(of(await examined(`pglite:${link}`), "database")).toEqual([
      {
        check: "database",
        status: "wrong",
        found: expect.stringContaining("is a dangling link; mount or create the target of the link"),
        cure: expect.stringContaining("docs/embedded.md"),
      },
    ]);
    // No database is created in an empty directory.
    mkdirSync(join(directory, "database"));
    expect(statuses(await examined(`pglite:${directory}`), "database")).toEqual(["skipped"]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it("the embedded database is checked through its process, without the checks of servers", async () => {
  const database = await openTestDatabase(testEngines.find(({ server }) => server === null) as TestEngine);
  try {
    const all = await examined(database.url);
    expect(all.filter(({ status }) => status === "wrong")).toEqual([]);
    expect(statuses(all, "migrations")).toEqual(["ok"]);
    expect(statuses(all, "autovacuum")).toEqual(["skipped"]);
    expect(of(all, "clock")[0]?.found).toContain("this machine's clock");
  } finally {
    await database.drop();
  }
});

const servers = testEngines.filter(({ server }) => server !== null);
if (servers.length === 0) console.log("left out: the doctor's checks of a database server, because there is none");

describe.each(servers)("a database on $name", (engine: TestEngine) => {
  let database: TestDatabase;
  const settings = `timescaledb = "${engine.timescaledb}"`;

  /** Declares a test only on this kind of server; on others there is nothing to test. */
  function onlyOn(name: TestEngine["name"], title: string, test: () => Promise<void>): void {
    if (engine.name === name) it(title, test);
  }

  beforeAll(async () => {
    database = await openTestDatabase(engine);
    // The jobs of test databases are stopped.
    if (engine.name === "timescaledb") {
      await database.sql`
        SELECT alter_job(job_id, scheduled => true) FROM timescaledb_information.jobs WHERE proc_name LIKE 'policy%'`;
    }
  });
  afterAll(() => database?.drop());

  it("that is healthy has no errors, only a warning that nobody writes trades", async () => {
    const all = await examined(database.url, settings);
    expect(all.filter(({ status }) => status === "wrong")).toEqual([]);
    expect(statuses(all, "rollups")).toEqual(["warning", "ok"]);
    for (const check of ["database", "server", "clock", "rights", "migrations", "timescaledb", "horizons"]) {
      expect([check, statuses(all, check)]).toEqual([check, ["ok"]]);
    }
    await writeTrades(database, [trade("fresh", 10)]);
    const written = await examined(database.url, settings);
    expect(of(written, "rollups").map(({ status, found }) => [status, found])).toEqual([
      ["ok", expect.stringMatching(/newest trade of a published pair is \d+s old/)],
      ["ok", expect.stringContaining("1 markets")],
    ]);
  });

  it("that is healthy has no trade from the future if this machine's clock is an hour behind", async () => {
    const hourAgo = BigInt(Date.now() - 3_600_000) * 1000n;
    const { aliases } = makePolicy(DEFAULT_POLICY_SETTINGS);
    await writeTrades(database, [trade("of the present", 5)]);
    expect(await checkStoredTrades(database.sql, [], aliases, 86_400, hourAgo)).toMatchObject([{ status: "ok" }]);
  });

  it("with rows that no decoder may write gets them named, and so do pairs that are no longer traded", async () => {
    expect(of(await examined(database.url, settings), "trades")).toMatchObject([
      { status: "ok", found: "1 pairs are stored, each in one orientation, without trades in the future" },
    ]);
    const [btc, usdBtc, usdXlm, eth] = ["BTC/USD", "USD/BTC", "USD/XLM", "EUR/USD"].map(parsePair) as [
      Pair,
      Pair,
      Pair,
      Pair,
    ];
    await writeTrades(database, [
      { ...trade("old", 3 * 86_400), ...btc },
      { ...trade("old 2", 3 * 86_400 + 5), ...btc },
      { ...trade("other way", 10), ...usdXlm },
      { ...trade("other venue", 3 * 86_400), ...usdBtc, source: "bitstamp" },
      // Exchange rates count in either orientation.
      { ...trade("rate", 10), ...eth, source: "ecb" },
      { ...trade("rate", 10), base: eth.quote, quote: eth.base, source: "massive" },
      { ...trade("2 hours ahead", -7200), source: "coinbase" },
      { ...trade("a clock that is ahead", -20), source: "bitstamp" },
    ]);
    const all = of(await examined(database.url, settings), "trades");
    expect(all.map(({ status, found }) => [status, found])).toEqual([
      ["warning", expect.stringMatching(/^no trade for more than 24h: crypto:BTC\/fiat:USD \(last \d{4}-[^,]*Z\)$/)],
      [
        "warning",
        expect.stringMatching(
          /^trades are dated in the future: crypto:XLM\/fiat:USD at coinbase \(up to \S+Z, 1 trades\)$/,
        ),
      ],
      ["wrong", "markets are stored in both orientations: crypto:XLM/fiat:USD and fiat:USD/crypto:XLM at kraken"],
      [
        "warning",
        expect.stringMatching(
          /^sources write a pair in different orientations: crypto:BTC\/fiat:USD at kraken, fiat:USD\/crypto:BTC at bitstamp/,
        ),
      ],
    ]);
  });

  it("whose only new trades are dated in the future gets the warning that nobody writes trades", async () => {
    const empty = await openTestDatabase(engine);
    try {
      await writeTrades(empty, [trade("2 hours ahead", -7200)]);
      expect(of(await examined(empty.url, settings), "rollups")[0]).toMatchObject({
        status: "warning",
        found: expect.stringContaining("no trade of a published pair in the last 24h"),
      });
    } finally {
      await empty.drop();
    }
  });

  it("that is not migrated is reported, and the checks that need it are skipped", async () => {
    const empty = await createTestDatabase(engine);
    try {
      const all = await examined(empty.url, settings);
      expect(of(all, "migrations")[0]).toMatchObject({
        status: "wrong",
        found: expect.stringContaining("lacks"),
        cure: expect.stringContaining("migrate up"),
      });
      expect(statuses(all, "rights")).toEqual(["skipped"]);
      expect(of(all, "rollups")[0]).toMatchObject({ status: "skipped", found: "the database is not migrated" });
    } finally {
      await empty.drop();
    }
  });

  it("whose role may not read is reported with the tables and the GRANT", async () => {
    const role = `doctor_${Math.random().toString(36).slice(2)}`;
    await database.sql.unsafe(`CREATE ROLE ${role} LOGIN`);
    try {
      await database.sql.unsafe(`GRANT SELECT ON trades, retention_horizons TO ${role}`);
      const url = new URL(database.url);
      url.username = role;
      const some = await examined(url.href, settings);
      expect(of(some, "rights")[0]).toMatchObject({
        status: "wrong",
        found: expect.stringContaining("may not read stellarindex_migrations, trades_1h, trades_1m"),
        cure: expect.stringContaining(`TO "${role}"`),
      });
      expect(of(some, "migrations")).toEqual([expect.objectContaining({ status: "skipped", found: "see rights" })]);
      await database.sql.unsafe(of(some, "rights")[0]?.cure ?? "");
      const all = await examined(url.href, settings);
      expect(of(all, "rights")[0]).toMatchObject({ status: "ok", found: expect.stringContaining("not insert trades") });
      expect(statuses(all, "migrations")).toEqual(["ok"]);
    } finally {
      await database.sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  it("whose roles have more rights than to read and insert trades is reported, and the fix revokes these", async () => {
    const [decoder, other] = ["decoder", "other"].map(
      (name) => `doctor_${name}_${Math.random().toString(36).slice(2)}`,
    );
    await database.sql.unsafe(`CREATE ROLE ${decoder}; CREATE ROLE ${other}`);
    const grants = async () => of(await examined(database.url, settings), "grants");
    try {
      expect(await grants()).toMatchObject([{ status: "ok", found: "only the owner may write" }]);
      await database.sql.unsafe(`
        GRANT INSERT, TRIGGER ON trades TO ${decoder}; GRANT SELECT ON trades, trades_1h TO PUBLIC;
        GRANT INSERT ON trades TO PUBLIC; GRANT UPDATE ON trades_1h TO ${other};
        GRANT EXECUTE ON FUNCTION trades_add_to_rollups() TO ${decoder}`);
      const [all] = await grants();
      expect(all?.status).toBe("wrong");
      expect(all?.found.split("trades: ")[1]?.split(", ")).toEqual([
        "PUBLIC has INSERT on public.trades",
        `${decoder} has EXECUTE on FUNCTION public.trades_add_to_rollups()`,
        `${decoder} has TRIGGER on public.trades`,
        `${other} has UPDATE on public.trades_1h`,
      ]);
      await database.sql.unsafe(all?.cure?.split(" see also")[0] ?? "");
      expect(await grants()).toMatchObject([
        { status: "ok", found: `besides the owner, only ${decoder} may insert trades` },
      ]);
    } finally {
      await database.sql`REVOKE ALL ON trades, trades_1h FROM PUBLIC`;
      await database.sql.unsafe(`DROP OWNED BY ${decoder}, ${other}; DROP ROLE ${decoder}, ${other}`);
    }
  });

  it("whose rollups lack a trade, or whose trigger is disabled, is wrong", async () => {
    await database.sql`DELETE FROM trades_1h`;
    expect(of(await examined(database.url, settings), "rollups")[0]).toMatchObject({
      status: "wrong",
      found: expect.stringMatching(/^trades_1h: the trade of crypto:XLM\/fiat:USD at kraken/),
    });
    await database.sql`ALTER TABLE trades DISABLE TRIGGER trades_keep_rollups`;
    await writeTrades(database, [trade("uncounted", 1)]);
    const all = of(await examined(database.url, settings), "rollups");
    await database.sql`ALTER TABLE trades ENABLE TRIGGER trades_keep_rollups`;
    expect(all.filter(({ status }) => status === "wrong").map(({ found }) => found)).toEqual([
      expect.stringContaining("trigger trades_keep_rollups"),
      expect.stringMatching(/^trades_1m and trades_1h|^trades_1h/),
    ]);
  });

  it("with too few references for a published pair gets a warning until they are written", async () => {
    const divergence = `${settings}
      [aggregate]
      pairs = ["XLM/USD"]
      [divergence.coingecko]
      enabled = true`;
    expect(of(await examined(database.url, settings), "references")[0]?.status).toBe("skipped");
    expect(of(await examined(database.url, divergence), "references")[0]).toMatchObject({
      status: "warning",
      found: expect.stringMatching(/^1 of 1 published pairs .*never compared: crypto:XLM\/fiat:USD$/),
    });
    await writeTrades(database, [{ ...trade("reported", 90), source: "redstone" }]);
    expect(statuses(await examined(database.url, divergence), "references")).toEqual(["ok"]);
  });

  it("that has removed rows which a window needs, or is not vacuumed, is reported", async () => {
    await database.sql`UPDATE retention_horizons SET complete_from = now() WHERE table_name = 'trades'`;
    await database.sql`ALTER TABLE trades_1m SET (autovacuum_enabled = false)`;
    const all = await examined(database.url, settings);
    await database.sql`UPDATE retention_horizons SET complete_from = '-infinity'`;
    await database.sql`ALTER TABLE trades_1m RESET (autovacuum_enabled)`;
    expect(statuses(all, "horizons")).toEqual(["wrong"]);
    expect(of(all, "autovacuum").at(-1)).toMatchObject({
      status: "warning",
      cure: expect.stringContaining("trades_1m"),
    });
  });

  onlyOn("postgres", "without TimescaleDB says what that comes to", async () => {
    const auto = await examined(database.url, '[database.retention]\ntrades = "720h"');
    expect(statuses(auto, "timescaledb")).toEqual(["ok", "warning"]);
    expect(statuses(auto, "jobs")).toEqual(["skipped"]);
    const required = of(await examined(database.url, 'timescaledb = "require"'), "timescaledb");
    expect(required[0]).toMatchObject({ status: "wrong", found: expect.stringContaining("TimescaleDB is not") });
  });

  onlyOn("timescaledb", "with TimescaleDB has the jobs that the configuration asks for", async () => {
    expect(statuses(await examined(database.url, settings), "jobs")).toEqual(["ok"]);
    const retention = '[database.retention]\ntrades = "720h"';
    expect(of(await examined(database.url, retention), "jobs")[0]).toMatchObject({
      status: "wrong",
      found: "retention jobs: none; [database.retention]: trades 720h",
    });
    const opened = await openDatabase({ url: database.url, max_connections: 2 });
    await migrateUp(opened, {
      timescaledb: "require",
      retention: { trades: 720 * 3600, trades_1m: 0, trades_1h: 0 },
      log: () => {},
    });
    await opened.close();
    expect(statuses(await examined(database.url, retention), "jobs")).toEqual(["ok"]);
    expect(statuses(await examined(database.url, 'timescaledb = "off"'), "timescaledb")).toEqual(["warning"]);
  });

  onlyOn("timescaledb", "with a job that fails names it", async () => {
    // The configured retention is not a number.
    await database.sql`
      SELECT add_job('stellarindex_expire', interval '1 hour', config => '{"table": "trades", "keep_seconds": "x"}')`;
    await expect
      .poll(
        async () =>
          of(await examined(database.url, settings), "jobs")
            .map(({ found }) => found)
            .join("\n"),
        {
          timeout: 60_000,
          interval: 500,
        },
      )
      .toMatch(/stellarindex_expire of trades\) failed in its last run/);
  });
});
