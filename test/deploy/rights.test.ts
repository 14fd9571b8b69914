import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../internal/canonical/input-error.ts";
import { load } from "../../internal/config/config.testing.ts";
import { policySettings } from "../../internal/config/schema.ts";
import { findIncidents } from "../../internal/control/incidents/keeper.ts";
import { fireDue } from "../../internal/control/schedules/scheduler.ts";
import { databaseChecks } from "../../internal/doctor/database-checks.ts";
import { checkRights } from "../../internal/doctor/rights.ts";
import { runChecks } from "../../internal/doctor/run-checks.ts";
import { checkSchema } from "../../internal/doctor/schema.ts";
import { makeEventWriter } from "../../internal/ingest/event-writer.ts";
import { makeTradeWriter } from "../../internal/ingest/trade-writer.ts";
import { makePolicy } from "../../internal/policy/policy.ts";
import {
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
} from "../../internal/storage/connection/database.testing.ts";
import { connect } from "../../internal/storage/connection/pool.ts";
import { makeClaim } from "../../internal/storage/control/claim.ts";
import { CALLS } from "../../internal/storage/control/isolation.testing.ts";
import type { HeldLease } from "../../internal/storage/control/report.ts";
import { rescueJobs } from "../../internal/storage/control/rescue.ts";
import { ensureTenants } from "../../internal/storage/control/tenants.ts";
import { EVENTS_TENANT } from "../../internal/storage/events/event.ts";
import { declare, newDestination, newEvent } from "../../internal/storage/events/events.testing.ts";
import { readTraces } from "../../internal/storage/events/trace.ts";
import { keepAnswer, readAnswer, trimAnswers } from "../../internal/storage/ingest/idempotency-keys.ts";
import { countQuarantine, trimQuarantine } from "../../internal/storage/ingest/quarantine.ts";
import { openDatabase } from "../../internal/storage/open-database.ts";
import { requireMigrated } from "../../internal/storage/schema/migrate.ts";
import { freshPair, insertTrades, trade } from "../../internal/storage/trades/trades.testing.ts";
import { hasPsql, type Roles, rolesOf } from "./roles.ts";

const engine = serverTestEngine;

describe.skipIf(!hasPsql || engine === null)("rights.sql", () => {
  let database: TestDatabase;
  let roles: Roles;
  beforeAll(async () => {
    if (engine === null) return;
    database = await openTestDatabase(engine);
    roles = rolesOf(database.url);
    // This is so in databases that were upgraded from PostgreSQL 14 or earlier.
    await database.sql`GRANT CREATE ON SCHEMA public TO PUBLIC`;
    // It matches a call of the script better than the built-in function.
    await database.sql.unsafe(`
      CREATE FUNCTION public.format(text, name) RETURNS text LANGUAGE plpgsql
      AS $$ BEGIN RAISE 'caught %', current_user; END $$`);
  });
  afterAll(async () => {
    await database.drop();
    await roles.drop();
  });

  const passwords = async (): Promise<(string | null)[]> => {
    const rows = await database.sql<{ password: string | null }[]>`
      SELECT rolpassword AS password FROM pg_authid WHERE rolname IN (${roles.reader}, ${roles.decoder}) ORDER BY rolname DESC`;
    return rows.map(({ password }) => password);
  };

  it("creates no role without a password", async () => {
    for (const given of [{}, { READER_PASSWORD: "a" }, { READER_PASSWORD: "a", DECODER_PASSWORD: "" }]) {
      expect(await roles.give(given)).toMatchObject({
        err: expect.stringContaining(
          "READER_PASSWORD and DECODER_PASSWORD must be in the environment to make the roles",
        ),
        status: 3,
      });
    }
    expect(await passwords()).toEqual([]);
  });

  it("revokes the right to create objects in the schema, which doctor reports before", async () => {
    expect(await checkSchema(database)).toEqual([
      {
        status: "wrong",
        found: "PUBLIC may create in schema public: a function created there can run with the owner's privileges",
        cure: "REVOKE CREATE ON SCHEMA public FROM PUBLIC;",
      },
    ]);
    expect(await roles.give()).toEqual({ err: "", status: 0 });
    expect(await checkSchema(database)).toEqual([expect.objectContaining({ status: "ok" })]);
    for (const url of [roles.readerUrl, roles.decoderUrl]) {
      const sql = connect(url, { max: 1 });
      await sql`SET default_transaction_read_only = off`;
      await expect(sql`CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'`).rejects.toMatchObject({
        code: "42501",
      });
      await sql.end();
    }
  });

  it("allows the reader to read and the decoder to write, as doctor confirms for both", async () => {
    const reader = connect(roles.readerUrl, { max: 1 });
    const decoder = connect(roles.decoderUrl, { max: 1 });
    try {
      await insertTrades(decoder, [trade(freshPair(), "2026-03-01T10:00:00Z")], "new ones only");
      expect(await reader`SELECT trade_id FROM trades`).toHaveLength(1);
      await expect(reader`DELETE FROM trades`).rejects.toMatchObject({ code: "25006" });
      expect(await checkRights(reader)).toMatchObject({ status: "ok" });
      expect(await checkRights(decoder)).toMatchObject({
        status: "wrong",
        found: `role "${roles.decoder}" is a decoder's: it may insert trades and read nothing`,
        cure: expect.stringContaining("stellarindex_reader"),
      });
      const { config } = load(`[database]\nurl = "${roles.decoderUrl}"`);
      const { aliases } = makePolicy(policySettings(config));
      const { checks, close } = databaseChecks(config, [], aliases);
      const examined = await runChecks(checks, 20_000).finally(close);
      const wrong = examined.filter(({ status }) => status === "wrong");
      expect(wrong.map(({ check }) => check)).toEqual(["rights"]);
      expect(examined.map(({ cure }) => cure ?? "").join()).not.toContain("GRANT");
    } finally {
      await reader.end();
      await decoder.end();
    }
  });

  it("lets the control daemon keep the ledger, only add to its history, and see no trades", async () => {
    const sql = connect(roles.controlUrl, { max: 2 });
    try {
      const as: TestDatabase = { ...database, sql };
      let seed = 0;
      const pick = <T>(values: readonly T[]): T => values[seed % values.length] as T;
      const leases: HeldLease[] = [{ jobId: 1n, leaseToken: 1n }];
      for (seed = 0; seed < 3; seed++) {
        for (const call of Object.values(CALLS)) {
          const context = { database: as, tenant: "default", claim: makeClaim(() => 0), leases, blackouts: [1n], pick };
          await call(context).catch((error) => {
            if (!(error instanceof InputError)) throw error;
          });
        }
      }
      await ensureTenants(sql, ["new"]);
      await findIncidents(sql);
      await rescueJobs(sql);
      await fireDue(sql, () => 0);
      await requireMigrated(as);
      expect((await sql`SELECT 1 FROM control.jobs`).length).toBeGreaterThan(0);
      for (const refused of [
        sql`SELECT 1 FROM trades`,
        sql`INSERT INTO trades SELECT`,
        sql`UPDATE control.audit_log SET reason = ''`,
        sql`DELETE FROM control.job_history`,
        sql`CREATE TABLE control.more ()`,
        sql`CREATE TABLE public.more ()`,
      ]) {
        await expect(refused).rejects.toMatchObject({ code: "42501" });
      }
    } finally {
      await sql.end();
    }
  });

  it("makes no role of a control daemon without its password", async () => {
    await database.sql.unsafe(`DROP OWNED BY ${roles.control}; DROP ROLE ${roles.control}`);
    expect(await roles.give({})).toEqual({ err: "", status: 0 });
    const made = await database.sql`SELECT 1 FROM pg_roles WHERE rolname = ${roles.control}`;
    expect([...made]).toEqual([]);
  });

  it("allows the gateway to store trades, and to keep what it cannot store", async () => {
    expect(await roles.give(roles.withGateway)).toEqual({ err: "", status: 0 });
    const gateway = await openDatabase({ url: roles.gatewayUrl, max_connections: 1 });
    try {
      await requireMigrated(gateway);
      const { config } = load("");
      const write = makeTradeWriter(gateway, makePolicy(policySettings(config)), { now: () => 0n, stopwatch: () => 0 });
      const row = { ...trade(freshPair(), "2026-03-01T10:00:00Z"), sender: "acme" };
      const other = { ...row, baseAmount: row.baseAmount.plus(row.quoteAmount) };
      expect(await write([row, row, other])).toEqual([{ status: "new" }, { status: "known" }, { status: "conflict" }]);
      await trimQuarantine(gateway.sql, { maxBytes: 0, maxAgeSeconds: 60 });
      expect(await countQuarantine(gateway.sql)).toMatchObject([{ kind: "conflict", entries: 1 }]);
      const answer = { sender: "acme", key: "k", fingerprint: Buffer.from("f"), status: 200, answer: "{}" };
      await keepAnswer(gateway.sql, answer);
      expect(await readAnswer(gateway.sql, "acme", "k")).toEqual(answer);
      await trimAnswers(gateway.sql, 86_400);
      await expect(gateway.sql`DELETE FROM trades`).rejects.toMatchObject({ code: "42501" });
      expect(await checkSchema(database)).toEqual([expect.objectContaining({ status: "ok" })]);
    } finally {
      await gateway.close();
    }
  });

  it("allows the gateway to record events and to see where they are, and to change no job", async () => {
    const destinations = [newDestination(), newDestination({ destination: "ordered", orderKey: "" })];
    await declare(database, EVENTS_TENANT, destinations);
    const gateway = await openDatabase({ url: roles.gatewayUrl, max_connections: 1 });
    try {
      const write = makeEventWriter(gateway, EVENTS_TENANT);
      const event = newEvent({ sender: "shop", id: "r1" });
      const pair = "crypto:XLM/fiat:USD";
      const ordered = ["r2", "r3"].map((id) => newEvent({ sender: "shop", id, pair }));
      const results = await write([event, event, { ...event, body: "{}" }, ...ordered]);
      expect(results.map(({ status }) => status)).toEqual(["new", "known", "conflict", "new", "new"]);
      await database.sql`UPDATE control.lanes SET is_open = false`;
      expect(await write([newEvent({ sender: "shop", id: "r4", pair })])).toEqual([{ status: "new" }]);
      const [trace] = await readTraces(gateway.sql, EVENTS_TENANT, "r4", "shop");
      expect(trace?.deliveries).toMatchObject([{ state: "pending" }, { state: "waiting" }]);
      for (const refused of [
        gateway.sql`UPDATE control.jobs SET state = 'cancelled'`,
        gateway.sql`DELETE FROM control.jobs`,
        gateway.sql`UPDATE events.events SET body = '{}'`,
        gateway.sql`SELECT FROM control.audit_log`,
        gateway.sql`INSERT INTO events.destinations (tenant, destination) VALUES ('default', 'x')`,
      ]) {
        await expect(refused).rejects.toMatchObject({ code: "42501" });
      }
    } finally {
      await gateway.close();
    }
  });

  it("changes only the given passwords when it is run again", async () => {
    const [reader, decoder] = await passwords();
    expect(reader).toMatch(/^SCRAM-SHA-256/);
    expect(await roles.give({})).toEqual({ err: "", status: 0 });
    expect(await passwords()).toEqual([reader, decoder]);
    expect(await roles.give({ DECODER_PASSWORD: "another'one" })).toEqual({ err: "", status: 0 });
    const [sameReader, otherDecoder] = await passwords();
    expect(sameReader).toBe(reader);
    expect(otherDecoder).not.toBe(decoder);
  });
});
