import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  openTestDatabase,
  type TestDatabase,
  type TestEngine,
  testEngines,
} from "../internal/storage/connection/database.testing.ts";
import { keepIncidents } from "../internal/storage/control/incidents.ts";
import { databaseTime } from "../internal/storage/control/schedules.ts";
import { keepUnread } from "../internal/storage/control/unread-messages.ts";
import { runHere, startProgram } from "../test/program.ts";
import { casesOf, enginesOf, isThorough } from "../test/thoroughness.ts";

const [engine] = enginesOf(testEngines);
// Kept open: commands go through it, which is faster than starting an embedded database each time.
let database: TestDatabase;

const run = (command: string, ...more: string[]) =>
  runHere(["control", "jobs", ...command.split(" ").filter((word) => word !== ""), ...more], {
    STELLARINDEX_DATABASE_URL: database.url,
  });
const jsonOf = ({ out }: { out: string }) => JSON.parse(out) as Record<string, unknown>;

beforeAll(async () => {
  database = await openTestDatabase(engine as TestEngine);
});
afterAll(() => database?.drop());

describe("control jobs", () => {
  it("submits jobs, lists them newest first, and shows what keeps one from running", async () => {
    expect(await run("")).toEqual({ status: 0, out: "no jobs\n", err: "" });
    const first = jsonOf(await run("submit rollups.verify --source kraken --host api.example --json"));
    const second = jsonOf(await run(`submit retention.prune --needs ${first["job_id"]} --json`));
    const { out } = await run("list");
    const [head, ...rows] = out.trim().split("\n");
    expect(head).toMatch(/^JOB +KIND +STATE +ATTEMPT +WORKER +CREATED +ENDED *$/);
    expect(rows.map((row) => row.split(/ +/).slice(0, 4))).toEqual([
      [second["job_id"], "retention.prune", "blocked", "0/5"],
      [first["job_id"], "rollups.verify", "ready", "0/5"],
    ]);
    expect((await run("list --state blocked --json")).out.trim().split("\n")).toHaveLength(1);
    expect((await run(`list --cursor ${second["job_id"]} --kind retention.prune`)).out).toBe("no jobs\n");
    const page = await run("list --limit 1");
    expect(page.err).toBe(`there are more: --cursor ${second["job_id"]}\n`);
    expect(page.out.trim().split("\n")).toHaveLength(2);
    const shown = await run(`show ${second["job_id"]}`);
    expect(shown.out).toContain(`why not now: it needs job ${first["job_id"]}, which is ready\n`);
    const waiting = (await run(`show ${first["job_id"]}`)).out;
    expect(waiting).toContain("source: kraken\nhost: api.example\n");
    expect(waiting).toContain("waits for a worker\n");
    expect(jsonOf(await run(`show ${second["job_id"]} --json`))).toMatchObject({
      state: "blocked",
      obstacles: [{ code: "dependency", until: null }],
      history: [{ from: null, to: "blocked", attempt: 0 }],
    });
  });

  it("submits one job for an idempotency key until it has ended", async () => {
    const first = jsonOf(await run("submit rollups.verify --key nightly --json"));
    expect(jsonOf(await run("submit rollups.verify --key nightly --json"))).toEqual({ ...first, is_new: false });
    await run(`cancel ${first["job_id"]}`, "--reason", "a test");
    const next = jsonOf(await run("submit rollups.verify --key nightly --json"));
    expect(next).toMatchObject({ is_new: true });
    expect(next["job_id"]).not.toBe(first["job_id"]);
  });

  it("cancels and retries with a reason, which history and the audit log keep", async () => {
    const { job_id: id } = jsonOf(await run("submit rollups.verify --json"));
    const cancelled = await run(`cancel ${id} 999 --ticket OPS-1`, "--reason", "submitted by mistake");
    expect(cancelled).toMatchObject({
      status: 1,
      out: expect.stringContaining(`job ${id}: cancel done\njob 999: not changed`),
    });
    expect(await run(`retry ${id}`, "--reason", "needed after all")).toMatchObject({ status: 0 });
    const history = jsonOf(await run(`show ${id} --json`))["history"] as { to: string; message: string | null }[];
    expect(history.map(({ to, message }) => [to, message])).toEqual([
      ["ready", null],
      ["cancelled", "submitted by mistake"],
      ["ready", "needed after all"],
    ]);
    const audit = await database.sql`
      SELECT action, actor, target, reason, ticket, result FROM control.audit_log ORDER BY entry_id DESC LIMIT 2`;
    expect(audit).toMatchObject([
      { action: "jobs.retry", reason: "needed after all", ticket: null, result: { jobs: [id] } },
      {
        action: "jobs.cancel",
        actor: expect.stringMatching(/^cli:./),
        target: { jobs: [id, "999"] },
        reason: "submitted by mistake",
        ticket: "OPS-1",
        result: { jobs: [id] },
      },
    ]);
    await expect(database.sql`DELETE FROM control.audit_log`).rejects.toThrow("audit_log is append-only");
  });

  it.each(
    casesOf<[string, RegExp]>(4, [
      ["submit Nope", /\/kind: is no kind: lower-case letters/],
      [
        'submit rollups.verify --payload {"repair":1,"pairs":2}',
        /\/payload\/repair: .*boolean.*; \/payload\/pairs: is not a field of this body/,
      ],
      ['submit rollups.verify --payload {"pair":"XLM"}', /\/payload\/pair: .*"XLM"/],
      ["submit rollups.verify --payload {", /--payload: .*write JSON, such as/],
      ["submit rollups.verify --priority 10", /--priority: "10" is not a whole number from 0 to 9/],
      ["submit rollups.verify --at tomorrow", /--at: "tomorrow" is not a time/],
      ["submit rollups.verify --needs x", /--needs: "x" is no id, which is a whole number/],
      ["show 1.5", /<id>: "1.5" is no id, which is a whole number/],
      ["cancel 1", /required option '--reason <text>' not specified/],
      ["list --state gone", /Allowed choices are blocked, ready, leased/],
    ]),
  )("refuses %s as wrong usage, and says why", async (command, message) => {
    expect(await run(command)).toEqual({ status: 2, out: "", err: expect.stringMatching(message) });
  });

  it.each([
    ["submit rollups.verify --needs 999999", /needs job 999999, which does not exist/],
    ["show 999999", /there is no job 999999/],
    ["submit rollups.verify --tenant nobody", /tenant "nobody" does not exist/],
  ])("fails on %s, and says why", async (command, message) => {
    expect(await run(command)).toEqual({ status: 1, out: "", err: expect.stringMatching(message) });
  });
});

describe("control incidents, failures and events", () => {
  const control = (...args: string[]) => runHere(["control", ...args], { STELLARINDEX_DATABASE_URL: database.url });

  it("lists incidents, and acknowledges one with a reason, once", async () => {
    const finding = { firstJob: 1n, lastJob: 2n, count: 2, message: "two gaps", cluster: null };
    await keepIncidents(
      database.sql,
      "default",
      [{ code: "gap", key: "kraken:XLM-USD", ...finding }],
      await databaseTime(database.sql),
    );
    const { incident_id: id } = jsonOf(await control("incidents", "--json"));
    const acknowledge = () => control("incidents", "acknowledge", String(id), "--reason", "a test");
    expect(await acknowledge()).toMatchObject({ status: 0, out: `incident ${id}: acknowledged\n` });
    expect((await control("incidents", "--code", "gap")).out).toMatch(/gap +kraken:XLM-USD .* two gaps *\n$/);
    expect((await acknowledge()).status).toBe(1);
    expect((await control("incidents", "--state", "closed")).out).toBe("no incidents\n");
    expect(await control("incidents", "acknowledge", "x", "--reason", "a test")).toMatchObject({ status: 2 });
  });

  it("lists messages of venues that could not be understood, the newest first, without control characters", async () => {
    const environment = { STELLARINDEX_DATABASE_URL: database.url };
    const messages = (...more: string[]) => runHere(["control", "messages", ...more], environment);
    expect(await messages()).toEqual({ status: 0, out: "no messages\n", err: "" });
    const long = `{"price":\u001b[2J\n${"1".repeat(200)}}`;
    await keepUnread(database.sql, "default", [
      { source: "coinbase", reason: "price is missing", message: '{"trade_id":7}' },
      { source: "kraken", reason: "is not valid JSON", message: long },
    ]);
    const [head, ...rows] = (await messages()).out.trim().split("\n");
    expect(head).toMatch(/^MESSAGE +SOURCE +RECEIVED +REASON +TEXT *$/);
    expect(rows).toEqual([
      expect.stringMatching(/kraken +20\S+Z +is not valid JSON +\{"price": \[2J 1{86}… *$/),
      expect.stringMatching(/coinbase +20\S+Z +price is missing +\{"trade_id":7\} *$/),
    ]);
    const page = await messages("--limit", "1");
    const cursor = /--cursor (\d+)/.exec(page.err)?.[1] ?? "";
    expect((await messages("--cursor", cursor)).out).toContain("coinbase");
    expect(jsonOf(await messages("--source", "kraken", "--json"))).toMatchObject({ source: "kraken", message: long });
  });

  it("shows failures that are alike", async () => {
    const { job_id: id } = jsonOf(await run("submit rollups.verify --json"));
    await database.sql`
      INSERT INTO control.job_history (tenant, job_id, from_state, to_state, attempt, reason, message)
      SELECT 'default', ${String(id)}::bigint, 'leased', 'ready', number, 'error', 'answered ' || number
      FROM generate_series(501, 503) AS number`;
    expect((await control("failures")).out).toMatch(/\n3 +rollups.verify +- +error +\d+ +\S+Z +answered <n> *\n$/);
    expect(jsonOf(await control("failures", "--json"))).toMatchObject({ count: 3, example_job: id });
    expect(await control("failures", "--hours", "0")).toMatchObject({ status: 2 });
  });

  // A process that waits; the routes of events are tested with the API.
  if (isThorough)
    it("prints events until it is stopped", async () => {
      const program = startProgram(["control", "events", "--json"], { STELLARINDEX_DATABASE_URL: database.url });
      const open = JSON.parse(await program.line((line) => line.includes('"incident"')));
      expect(open).toMatchObject({ event: "incident", data: { code: "gap", is_open: true } });
      const { job_id: id } = jsonOf(await run("submit rollups.verify --json"));
      const submitted = JSON.parse(await program.line((line) => line.includes('"transition"')));
      expect(submitted).toMatchObject({ event: "transition", data: { job_id: id, to: "ready" } });
      expect(await program.stop("SIGINT")).toBe(0);
    });
});
