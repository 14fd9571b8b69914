import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tradeTexts } from "../internal/ingest/sent-trade.ts";
import {
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
  testEngines,
} from "../internal/storage/connection/database.testing.ts";
import { addToQuarantine, type Quarantined } from "../internal/storage/ingest/quarantine.ts";
import { freshPair, insertTrades, trade } from "../internal/storage/trades/trades.testing.ts";
import { runHere } from "../test/program.ts";

const engine = serverTestEngine ?? testEngines[0];

describe("gateway quarantine", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    if (engine !== undefined) database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());

  const run = (...args: string[]) =>
    runHere(["gateway", "quarantine", ...args], { STELLARINDEX_DATABASE_URL: database.url });

  const entry = (fields: Partial<Quarantined> & { content: Uint8Array }): Quarantined => ({
    ...{ kind: "malformed", sender: "acme", reason: "the body is not valid JSON", contentType: "application/json" },
    isCut: false,
    ...fields,
  });
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));

  /** Keeps an entry, and returns its id as the list shows it. */
  async function keep(fields: Parameters<typeof entry>[0]): Promise<string> {
    await addToQuarantine(database.sql, [entry(fields)]);
    const { out } = await run("list", "--limit", "1");
    return /^(\d+) /m.exec(out)?.[1] ?? "";
  }

  it("lists and shows entries, and drops them", async () => {
    expect(await run("list")).toEqual({ out: "no entries\n", err: "", status: 0 });
    const id = await keep({ content: Buffer.from('[{"broken'), isCut: true });
    expect(await run("list", "--kind", "malformed")).toMatchObject({
      out: expect.stringMatching(/^ID +RECEIVED +KIND +SENDER +BYTES +REASON\s+\d+ +\S+ +malformed +acme +9 /),
    });
    expect(await run("list", "--kind", "conflict")).toMatchObject({ out: "no entries\n" });
    expect(await run("show", id)).toMatchObject({
      out: '[{"broken\n',
      err: expect.stringMatching(
        /^entry \d+: malformed, from acme at .*, only its start is kept: the body is not valid/,
      ),
    });
    expect(await run("retry", id)).toMatchObject({
      status: 1,
      err: expect.stringContaining("stays, 0 of its trades are stored: only its start is kept"),
    });
    expect(await run("drop", id)).toMatchObject({ out: `dropped entry ${id}\n`, status: 0 });
    expect(await run("show", id)).toMatchObject({ status: 1, err: expect.stringContaining(`there is no entry ${id}`) });
    expect(await run("show", "x")).toMatchObject({ status: 2 });
  });

  it("shows what a sender wrote as it is, but not to a terminal, which might obey it", async () => {
    const id = await keep({ content: Buffer.from("\u001b[31m{bad\tü\u009b\n") });
    expect(await run("show", id)).toMatchObject({ out: "\u001b[31m{bad\tü\u009b\n\n" });
    const { isTTY } = process.stdout;
    process.stdout.isTTY = true;
    try {
      expect(await run("show", id)).toMatchObject({ out: "\\x1b[31m{bad\tü\\x9b\n\n" });
    } finally {
      process.stdout.isTTY = isTTY;
    }
  });

  it("retries a conflict once the stored trade is gone, and what can be read by now", async () => {
    const pair = freshPair();
    const stored = trade(pair, "2026-03-01T10:00:00Z");
    await insertTrades(database.sql, [stored]);
    const other = { ...tradeTexts(stored), base_amount: "2" };
    const id = await keep({ kind: "conflict", content: json(other), contentType: null });
    expect(await run("retry", id)).toMatchObject({
      status: 1,
      err: expect.stringContaining("it is stored with other amounts"),
    });
    await database.sql.begin(async (sql) => {
      await sql`SET LOCAL stellarindex.maintenance = 'on'`;
      await sql`DELETE FROM trades`;
    });
    expect(await run("retry", id)).toMatchObject({
      out: `stored 1 trades of entry ${id}, and dropped it\n`,
      status: 0,
    });
    expect(await database.sql`SELECT base_amount::text FROM trades`).toEqual([{ base_amount: "2" }]);
    const further = tradeTexts(trade(pair, "2026-03-01T10:00:01Z"));
    const body = await keep({ content: json([further, other]) });
    expect(await run("retry", body)).toMatchObject({ out: `stored 2 trades of entry ${body}, and dropped it\n` });
    const lines = Buffer.from(`${JSON.stringify({ ...further, trade_id: "2" })}\nnope\n`);
    const part = await keep({ content: lines, contentType: "application/x-ndjson" });
    expect(await run("retry", part)).toMatchObject({
      status: 1,
      err: expect.stringContaining("1 of its trades are stored: the line is not JSON"),
    });
  });

  it("retries an event, once what kept it from being recorded is over", async () => {
    const contentType = "application/vnd.stellarindex.event+json";
    const bad = await keep({ content: json({ id: "1", type: "price.mine" }), contentType });
    expect(await run("retry", bad)).toMatchObject({ status: 1, err: expect.stringContaining('/type: "price.mine"') });
    const id = await keep({ kind: "refused", content: json({ id: "1", type: "mine" }), contentType });
    expect(await run("retry", id)).toMatchObject({ out: `stored 1 events of entry ${id}, and dropped it\n` });
    expect(await database.sql`SELECT sender, id, type FROM events.events`).toEqual([
      { sender: "acme", id: "1", type: "mine" },
    ]);
  });
});

describe("gateway", () => {
  it("needs a database that is named, and says whose journal it cannot open", async () => {
    expect(await runHere(["gateway"])).toMatchObject({
      status: 2,
      err: expect.stringContaining("no database is configured"),
    });
    const environment = {
      STELLARINDEX_DATABASE_URL: "postgres://127.0.0.1:1/none",
      STELLARINDEX_GATEWAY_JOURNAL: "/dev/null/journal",
    };
    expect(await runHere(["gateway"], environment)).toMatchObject({
      status: 1,
      err: expect.stringMatching(/the journal in \/dev\/null\/journal cannot be opened: .*ENOTDIR/),
    });
  });
});
