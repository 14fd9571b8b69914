import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  openTestDatabase,
  type TestDatabase,
  type TestEngine,
  testEngines,
} from "../internal/storage/connection/database.testing.ts";
import { makeClaim } from "../internal/storage/control/claim.ts";
import { reportJobs } from "../internal/storage/control/report.ts";
import { noteOf } from "../internal/storage/events/attempt-note.ts";
import { DELIVER_KIND } from "../internal/storage/events/deliveries.ts";
import { EVENTS_TENANT } from "../internal/storage/events/event.ts";
import { declare, newDestination, newEvent, record } from "../internal/storage/events/events.testing.ts";
import { runHere } from "../test/program.ts";
import { enginesOf } from "../test/thoroughness.ts";

const [engine] = enginesOf(testEngines);
const RANGE = ["--from", "2020-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z"];

describe("events", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine as TestEngine);
  });
  afterAll(() => database.drop());

  const run = (...args: string[]) => runHere(args, { STELLARINDEX_DATABASE_URL: database.url });
  const events = (...args: string[]) => run("events", ...args);
  const claim = () =>
    makeClaim(() => 0)(database.sql, {
      ...{ tenant: EVENTS_TENANT, kinds: [DELIVER_KIND], worker: "w", maxJobs: 100, leaseSeconds: 60 },
    });
  /** Has each delivery that is due fail for good, with a detail that a terminal must not obey. */
  const fail = async () => {
    const message = noteOf({ status: 500, reason: "http_status", detail: "no\u001b[2J" }, 0.021);
    const reports = (await claim()).map(({ jobId, leaseToken }) => ({
      ...{ jobId, leaseToken, outcome: "retry" as const, retrySeconds: 0, throttle: null },
      ...{ reason: "http_status", message },
    }));
    await reportJobs(database.sql, EVENTS_TENANT, reports);
  };

  it("shows an event, lists what is undelivered, and finds dead deliveries among the dead letters", async () => {
    expect(await events("list")).toEqual({ out: "no events\n", err: "", status: 0 });
    await declare(database, EVENTS_TENANT, [newDestination({ maxAttempts: 1 })]);
    await record(database, EVENTS_TENANT, [newEvent({ sender: "shop" }), newEvent({ sender: "bank" })]);
    expect((await events("show", "1")).out).toContain("board: pending, next try ");
    await fail();
    const shown = await events("show", "1", "--sender", "shop");
    expect(shown).toMatchObject({ status: 0, err: "" });
    expect(shown.out).toMatch(
      /^event 1 of shop: event.posted\nreceived \S+, recorded \S+\nboard: dead \(job \d+\)\n {2}ATTEMPT +STARTED.*\n {2}1 +\S+ +dead +500 +21 ms +http_status +no\\x1b\[2J *\n$/,
    );
    const json = (await events("show", "1", "--json")).out.trim().split("\n");
    expect(json.map((line) => JSON.parse(line).sender)).toEqual(["shop", "bank"]);
    const list = await events("list", "--undelivered", "--destination", "board", ...RANGE);
    expect(list.out).toMatch(
      /^RECORDED +SENDER +ID +TYPE +PAIR +DELIVERIES *\n\S+ +bank +1 +event.posted +- +board dead *\n/,
    );
    expect(JSON.parse((await events("list", "--type", "event.*", "--limit", "1", "--json")).out)).toMatchObject({
      ...{ id: "1", sender: "bank", destinations: [{ destination: "board", state: "dead" }] },
    });

    const redrive = ["control", "dead-letters", "redrive", "--kind", "deliver", "--host", "board"];
    expect(await run(...redrive, "--yes", "--reason", "it is back", "--per-minute", "10000")).toMatchObject({
      out: "matching: 2, redriven: 2\n",
    });
    // They are due one after the other.
    const jobs = await claim();
    await expect.poll(async () => jobs.push(...(await claim()))).toBe(2);
    const ends = jobs.map(({ jobId, leaseToken }) => ({
      ...{ jobId, leaseToken, outcome: "succeeded" as const, retrySeconds: 0, throttle: null, reason: null },
      message: noteOf({ status: 200, reason: null, detail: null }, 0.01),
    }));
    await reportJobs(database.sql, EVENTS_TENANT, ends);
    expect((await events("show", "1", "--sender", "shop")).out).toMatch(
      /board: delivered[\s\S]*\n {2}2 +\S+ +delivered +200/,
    );
    expect(await events("list", "--undelivered")).toMatchObject({ out: "no events\n" });
  });

  it("counts what a replay delivers, and delivers it with --yes and a reason", async () => {
    await record(database, EVENTS_TENANT, [newEvent({ id: "2", type: "order.paid" }), newEvent({ id: "3" })]);
    await declare(database, EVENTS_TENANT, [newDestination(), newDestination({ destination: "crm" })]);
    const replay = (...more: string[]) => events("replay", "--destination", "crm", ...RANGE, ...more);
    expect(await replay("--type", "order.*")).toMatchObject({
      out: "1 events would be delivered to crm; --yes delivers them\n",
    });
    expect(await replay("--yes")).toMatchObject({ status: 2, err: expect.stringContaining("--yes needs --reason") });
    expect(await replay("--type", "order.*", "--yes", "--reason", "crm is new")).toMatchObject({
      out: "added 1 deliveries to crm\n",
    });
    expect(await replay()).toMatchObject({ out: "3 events would be delivered to crm; --yes delivers them\n" });
    expect((await events("list", "--destination", "crm")).out).toContain("order.paid");
    expect((await run("control", "audit", "--json")).out).toContain('"events.replay"');
  });

  it("says what is wrong", async () => {
    expect(await events("show", "none")).toMatchObject({ status: 1, err: expect.stringContaining('no event "none"') });
    expect(await events("list", "--from", "soon")).toMatchObject({ status: 2 });
    expect(await events("replay", "--destination", "x", ...RANGE)).toMatchObject({
      err: expect.stringContaining('there is no destination "x"'),
    });
    expect(await runHere(["events", "list"])).toMatchObject({
      status: 2,
      err: expect.stringContaining("no database is configured"),
    });
  });
});
