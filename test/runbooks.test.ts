import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makePair } from "../internal/canonical/pair.ts";
import { packageRoot } from "../internal/lib/package-root.ts";
import {
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
} from "../internal/storage/connection/database.testing.ts";
import { connect } from "../internal/storage/connection/pool.ts";
import {
  freshPair,
  insertTrades,
  sessionOf,
  trade,
  untilBlockedBy,
} from "../internal/storage/trades/trades.testing.ts";
import { hasPsql, type Roles, rolesOf } from "./deploy/roles.ts";
import { runHere } from "./program.ts";

const RUNBOOKS = join(packageRoot(), "docs", "runbooks");

/** Returns the statements that the pages pass to the shell functions `sql` and `admin`. */
function statementsOf(command: "sql" | "admin"): [page: string, statement: string][] {
  return readdirSync(RUNBOOKS).flatMap((page) => {
    const text = readFileSync(join(RUNBOOKS, page), "utf8");
    const found = text.matchAll(new RegExp(`(?:^|\`)${command} "([^"]*)"`, "gm"));
    return [...found].map(([, statement = ""]): [string, string] => [page, statement]);
  });
}

const engine = serverTestEngine;

describe.skipIf(!hasPsql || engine === null)("the commands of the runbooks", () => {
  let database: TestDatabase;
  let roles: Roles;
  let reader: postgres.Sql;
  beforeAll(async () => {
    if (engine === null) return;
    database = await openTestDatabase(engine);
    roles = rolesOf(database.url);
    expect(await roles.give()).toEqual({ err: "", status: 0 });
    reader = connect(roles.readerUrl, { max: 1 });
  });
  afterAll(async () => {
    await reader.end();
    await database.drop();
    await roles.drop();
  });

  it.each(statementsOf("sql"))("%s: the role of the daemons may run statement %#", async (_, statement) => {
    await reader.unsafe(statement);
    // A role without pg_read_all_stats sees almost nothing of others' sessions.
    expect(statement).not.toMatch(/pg_stat_activity|pg_locks|pg_(cancel|terminate)_backend/);
  });

  it.each(statementsOf("admin").filter(([, statement]) => !statement.includes("PID")))(
    "%s: a superuser may run statement %#",
    async (_, statement) => {
      await database.sql.unsafe(statement);
    },
  );

  it.each([
    ["pg_cancel_backend", "running"],
    ["pg_terminate_backend", "idle in transaction"],
  ])("%s ends a blocking session that is %s", async (ending, state) => {
    const cure = statementsOf("admin").find(([, statement]) => statement.includes(ending))?.[1] ?? "";
    const [, looking = ""] = statementsOf("admin").find(([, statement]) => statement.includes("blocked_by")) ?? [];
    const decoder = connect(roles.decoderUrl, { max: 1 });
    const other = connect(database.url, { max: 1 });
    const pair = freshPair();
    try {
      await decoder`BEGIN`;
      await insertTrades(decoder, [trade(pair, "2026-03-01T10:00:00Z", { tradeId: "first" })]);
      const pid = await sessionOf(decoder);
      const running = state === "running" ? decoder`SELECT pg_sleep(600)`.catch((error: Error) => error.message) : null;
      const waiting = insertTrades(other, [trade(pair, "2026-03-01T10:00:00Z", { tradeId: "second" })]);
      await untilBlockedBy(database.sql, pid);
      const sessions = await database.sql.unsafe(looking);
      const waiter = sessions.find(({ query }) => query.includes("INSERT INTO trades"));
      expect(sessions.find((session) => session["pid"] === pid)).toMatchObject({
        usename: roles.decoder,
        state: state === "running" ? "active" : state,
      });
      expect(waiter?.["blocked_by"]).toEqual([pid]);
      const [ended] = await database.sql.unsafe(cure.replace("PID", String(pid)));
      expect(Object.values(ended ?? {})).toEqual([true]);
      if (running !== null) {
        expect(await running).toContain("canceling statement");
        await decoder`ROLLBACK`;
      }
      expect((await waiting).count).toBe(1);
    } finally {
      await decoder.end({ timeout: 1 });
      await other.end();
    }
  });

  const hour = ["--from", "2026-03-01T10:00:00Z", "--to", "2026-03-01T11:00:00Z"];
  it.each([
    ["trades delete", ["trades", "delete", "--pair", "BTC/USD", ...hour, "--yes"]],
    ["rollups verify --repair", ["rollups", "verify", "--repair"]],
    ["prune", ["prune", "--table", "trades", "--before", "2026-01-01T00:00:00Z"]],
    ["migrate down", ["migrate", "down", "--yes"]],
  ])("%s with the reader's role names the role whose URL it needs", async (_, args) => {
    const pair = makePair("crypto:BTC", "fiat:USD");
    await insertTrades(database.sql, [trade(pair, "2026-03-01T10:00:00Z")], "new ones only");
    await database.sql`UPDATE trades_1h SET trade_count = 7 WHERE base_asset = 'crypto:BTC'`;
    const refused = await runHere(args, { STELLARINDEX_DATABASE_URL: roles.readerUrl });
    expect(refused).toMatchObject({
      status: 1,
      err: expect.stringContaining("set STELLARINDEX_DATABASE_URL to the URL of the owner of the tables"),
    });
  });

  it("compute with a decoder's role names the role whose URL it needs", async () => {
    const args = ["compute", "--pair", "XLM/USD", "--window", "5m"];
    expect(await runHere(args, { STELLARINDEX_DATABASE_URL: roles.decoderUrl })).toMatchObject({
      status: 1,
      err: expect.stringContaining("or of stellarindex_reader to read"),
    });
  });
});
