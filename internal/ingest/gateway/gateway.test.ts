import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../../storage/connection/database.testing.ts";
import { connectionError } from "../../storage/connection/errors.ts";
import { readQuarantine } from "../../storage/ingest/quarantine.ts";
import { KEYS, serveTestGateway } from "./gateway.testing.ts";

const LINES = { "Content-Type": "application/x-ndjson" };

let ids = 0;
const freshTrade = (fields: object = {}) => ({
  base_asset: "crypto:XLM",
  quote_asset: "fiat:USD",
  ts: "2026-08-09T22:30:00.123456Z",
  source: "kraken",
  trade_id: `t${ids++}`,
  base_amount: "250.5",
  quote_amount: "31.3125",
  ...fields,
});

describe.each(enginesOf(testEngines))("the gateway on $name", (engine) => {
  let database: TestDatabase;
  let gateway: Awaited<ReturnType<typeof serveTestGateway>>;
  /** What calls of the database fail with; null where it works. */
  let outage: Error | null = null;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    const { breaker } = database;
    gateway = await serveTestGateway({
      ...database,
      breaker: {
        ...breaker,
        run: (call) => (outage === null ? breaker.run(call) : Promise.reject(outage)),
        runWithRetry: (call) => (outage === null ? breaker.runWithRetry(call) : Promise.reject(outage)),
      },
    });
  });
  afterAll(async () => {
    await gateway.close();
    await database.drop();
  });

  const stored = async (id: string) =>
    database.sql`SELECT base_amount::text, quote_amount::text FROM trades WHERE trade_id = ${id}`;

  it("says of each row what became of it, also where a trade comes twice", async () => {
    const trade = freshTrade();
    const other = { ...trade, base_amount: "250.6" };
    const { status, body } = await gateway.post([trade, trade, other, { ...trade, ts: "yesterday" }]);
    expect([status, body]).toEqual([
      200,
      {
        ...{ new: 1, known: 1, conflict: 1, rejected: 1, journalled: 0 },
        rows: [
          { row: 1, status: "new" },
          { row: 2, status: "known" },
          { row: 3, status: "conflict" },
          { row: 4, status: "rejected", field: "ts", reason: expect.stringContaining("is not a time with a zone") },
        ],
      },
    ]);
    expect(await stored(trade.trade_id)).toEqual([{ base_amount: "250.5", quote_amount: "31.3125" }]);
    // The same conflict again is not kept twice.
    await gateway.post(other);
    const kept = await readQuarantine(database.sql, { kind: "conflict", before: null, limit: 10 });
    const ofTrade = kept.filter(
      ({ content }) => JSON.parse(Buffer.from(content).toString()).trade_id === trade.trade_id,
    );
    expect(ofTrade).toMatchObject([{ sender: "acme", reason: "is stored with other amounts", isCut: false }]);
    expect(JSON.parse(Buffer.from(ofTrade[0]?.content ?? []).toString())).toEqual(other);
  });

  it("keeps every digit of numbers, and takes gzip", async () => {
    const trade = freshTrade();
    const text = JSON.stringify(trade).replace('"250.5"', "0.1000000000000000000001").replace('"31.3125"', "1e3");
    expect(await gateway.post(gzipSync(text), { "Content-Encoding": "gzip" })).toMatchObject({ body: { new: 1 } });
    expect(await stored(trade.trade_id)).toEqual([{ base_amount: "0.1000000000000000000001", quote_amount: "1000" }]);
  });

  it("takes streams, and names only the rows that are not stored", async () => {
    const trades = Array.from({ length: 5_500 }, () => freshTrade());
    const lines = trades.map((trade) => JSON.stringify(trade));
    lines.splice(1, 0, "", "not json", "x".repeat(70_000));
    const { status, body } = await gateway.post(gzipSync(lines.join("\r\n")), { ...LINES, "Content-Encoding": "gzip" });
    expect(status).toBe(200);
    expect(body).toEqual({
      ...{ new: 5_500, known: 0, conflict: 0, rejected: 2, journalled: 0 },
      rows: [
        { row: 3, status: "rejected", reason: "the line is not JSON" },
        { row: 4, status: "rejected", reason: "the line has more than 65536 bytes" },
      ],
    });
    const kept = await readQuarantine(database.sql, { kind: "malformed", before: null, limit: 10 });
    expect(kept.map(({ content }) => Buffer.from(content).toString())).toContain("not json\r\n");
  });

  it("refuses what the key may not write, the future, and the other orientation of a market", async () => {
    await gateway.post(freshTrade());
    const { status, body } = await gateway.post([
      freshTrade({ source: "binance" }),
      freshTrade({ ts: "2026-08-09T23:01:01Z" }),
      freshTrade({ base_asset: "fiat:USD", quote_asset: "crypto:XLM" }),
      1,
      freshTrade({ trade_id: ["x"] }),
    ]);
    expect(status).toBe(422);
    expect(body.rows).toMatchObject([
      { field: "source", reason: "the API key may not write trades of binance" },
      { field: "ts", reason: expect.stringContaining("is in the future") },
      { field: "base_asset", reason: "this market is stored as crypto:XLM/fiat:USD; send it in that orientation" },
      { reason: "is not a JSON object" },
      { field: "trade_id", reason: "is neither a text nor a number" },
    ]);
  });

  it("checks keys, of which two may have one name", async () => {
    const as = (key: string) => gateway.post(freshTrade(), { Authorization: `Bearer ${key}` });
    expect(await as(KEYS.rotated)).toMatchObject({ status: 200 });
    expect(await as(KEYS.reader)).toMatchObject({ status: 403 });
    expect(await as("si_unknown")).toMatchObject({ status: 401 });
    expect((await fetch(gateway.url, { method: "POST" })).status).toBe(401);
  });

  it("reads the names that import reads, and says which field is missing", async () => {
    const { base_asset, quote_asset, source, base_amount, quote_amount, ...when } = freshTrade();
    const other = { ...when, venue: source, pair: "XLM/USD", price: 0.125, size: "250.5" };
    expect(await gateway.post(other)).toMatchObject({ body: { new: 1 } });
    expect(await stored(when.trade_id)).toEqual([{ base_amount, quote_amount }]);
    expect(await gateway.post({ ...other, pair: undefined, base: "XLM", quote: "fiat:USD" })).toMatchObject({
      body: { known: 1 },
    });
    const renamed = (from: string, to: string): object =>
      JSON.parse(JSON.stringify(freshTrade()).replace(`"${from}"`, `"${to}"`));
    const { body } = await gateway.post([
      renamed("ts", "timestamp"),
      renamed("trade_id", "tradeId"),
      { trades: [freshTrade()] },
      {},
      { ...other, size: undefined },
      { ...other, pair: ["XLM", "USD"] },
      { ...other, pair: "XLMUSD" },
    ]);
    expect(body.rows).toMatchObject([
      { field: "ts", reason: 'is missing or empty; if "timestamp" is meant, name it ts' },
      { field: "trade_id", reason: 'is missing or empty; if "tradeId" is meant, name it trade_id' },
      { field: "base_asset", reason: 'is missing or empty; if "trades" has the trades, send that list itself' },
      { field: "base_asset", reason: expect.stringMatching(/^is missing or empty; a trade has base_asset .* price/) },
      { reason: "price or size (or base_amount and quote_amount) is empty" },
      { reason: "pair is neither a text nor a number" },
      { reason: expect.stringContaining('"XLMUSD"') },
    ]);
  });

  it("takes a body with a byte order mark, and refuses one in another encoding as a whole", async () => {
    const line = (): string => JSON.stringify(freshTrade());
    const mark = "\u{FEFF}";
    expect(await gateway.post(mark + line())).toMatchObject({ body: { new: 1 } });
    expect(await gateway.post(`${mark + line()}\n${line()}`, LINES)).toMatchObject({ body: { new: 2, rejected: 0 } });
    expect(await gateway.post(gzipSync(line()), LINES)).toMatchObject({
      status: 400,
      body: { detail: "the body is gzip: send it with Content-Encoding: gzip" },
    });
    expect(await gateway.post(Buffer.from(mark + line(), "utf16le"))).toMatchObject({
      status: 400,
      body: { detail: "the body is UTF-16: send it as UTF-8" },
    });
    expect(await gateway.post(`${line()}\n${line()}\n`)).toMatchObject({
      status: 400,
      body: { detail: "the body is not valid JSON; one trade a line is a body of application/x-ndjson" },
    });
    expect(await gateway.post(`[${line()}]`, LINES)).toMatchObject({
      status: 422,
      body: { rows: [{ reason: "is a list, not a trade; a list of trades is a body of application/json" }] },
    });
  });

  it("keeps every conflict of a large body", async () => {
    const trades = Array.from({ length: 3_000 }, () => freshTrade());
    expect(await gateway.post(trades)).toMatchObject({ status: 200, body: { new: 3_000 } });
    const others = trades.map((trade) => ({ ...trade, base_amount: "7" }));
    expect(await gateway.post([...others, ...others])).toMatchObject({ status: 200, body: { conflict: 6_000 } });
    const kept = await database.sql`
      SELECT 1 FROM ingest.quarantine WHERE kind = 'conflict' AND convert_from(content, 'UTF8')::json->>'base_amount' = '7'`;
    expect(kept).toHaveLength(3_000);
  });

  it("answers small bodies while large ones wait for their turn", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const others = Array.from({ length: 4 }, () => gateway.turns.run(() => held, Number.POSITIVE_INFINITY));
    const answered: string[] = [];
    const large = Promise.all([
      gateway.post(Array.from({ length: 500 }, () => freshTrade())).then(() => answered.push("list")),
      gateway.post(JSON.stringify(freshTrade()), LINES).then(() => answered.push("stream")),
    ]);
    for (let count = 0; count < 5; count++) {
      expect(await gateway.post(freshTrade())).toMatchObject({ status: 200, body: { new: 1 } });
    }
    expect(answered).toEqual([]);
    release();
    await Promise.all([large, ...others]);
    expect(answered.sort()).toEqual(["list", "stream"]);
  });

  it("answers a body that cannot be read with 4xx, and keeps it", async () => {
    const cases: readonly (readonly [unknown, number])[] = [
      ['[{"broken', 400],
      ["7", 400],
      ["[".repeat(101) + "]".repeat(101), 400],
      [JSON.stringify(Array(10_001).fill(1)), 413],
      [`"${"x".repeat(1_100_000)}"`, 413],
    ];
    for (const [body, status] of cases) expect((await gateway.post(body)).status).toBe(status);
    const kept = await readQuarantine(database.sql, { kind: "malformed", before: null, limit: 5 });
    expect(kept.toReversed()).toMatchObject([
      { content: Buffer.from('[{"broken'), isCut: false, contentType: "application/json", sender: "acme" },
      { content: Buffer.from("7") },
      { reason: "the body has more than 100 objects and lists in each other" },
      { reason: expect.stringContaining("a JSON body has at most 10000 trades"), isCut: false },
      { isCut: true },
    ]);
    expect(kept[0]?.content.length).toBe(65_536);
    // Of what cannot be read, 200 kB are kept.
    for (const letter of "abcde") await gateway.post(`${letter}${"x".repeat(60_000)}`);
    const all = await readQuarantine(database.sql, { kind: "malformed", before: null, limit: 100 });
    expect(all.reduce((sum, { content }) => sum + content.length, 0)).toBeLessThanOrEqual(200_000);
    expect(all.some(({ content }) => content[0] === 0x61)).toBe(false);
  });

  it("answers a repeated request with an Idempotency-Key as the first time", async () => {
    const trade = freshTrade();
    const header = { "Idempotency-Key": `"key of ${trade.trade_id}"` };
    const first = await gateway.post(trade, header);
    expect(first.body).toMatchObject({ new: 1 });
    expect(await gateway.post(trade, header)).toMatchObject({ status: 200, body: first.body });
    expect(await gateway.post(trade)).toMatchObject({ body: { known: 1 } });
    const otherBody = await gateway.post(freshTrade(), header);
    expect(otherBody).toMatchObject({ status: 422, body: { type: expect.stringContaining("idempotency-key-reused") } });
    expect(await gateway.post(trade, { "Idempotency-Key": '"open' })).toMatchObject({ status: 400 });
    // One key, sent twice at once: the second finds the first in progress, or its answer.
    const both = await Promise.all([1, 2].map(() => gateway.post(trade, { "Idempotency-Key": `b${trade.trade_id}` })));
    expect(both.map(({ status }) => status).sort()).toSatisfy(([one, two]) => one === 200 && [200, 409].includes(two));
  });

  it("journals what the database does not take, and stores it once it does", async () => {
    const trade = freshTrade();
    const before = freshTrade();
    await gateway.post(before);
    outage = connectionError("ECONNREFUSED", "the database is away");
    const answer = await gateway.post([trade, { ...before, base_amount: "7" }]);
    expect([answer.status, answer.body]).toEqual([
      202,
      {
        ...{ new: 0, known: 0, conflict: 0, rejected: 0, journalled: 2 },
        rows: [
          { row: 1, status: "journalled" },
          { row: 2, status: "journalled" },
        ],
      },
    ]);
    expect(gateway.journal.state().depth).toBe(1);
    expect(await stored(trade.trade_id)).toEqual([]);
    outage = null;
    await expect.poll(() => gateway.journal.state().depth, { timeout: 10_000 }).toBe(0);
    expect(await stored(trade.trade_id)).toHaveLength(1);
    const [conflict] = await readQuarantine(database.sql, { kind: "conflict", before: null, limit: 1 });
    expect(Buffer.from(conflict?.content ?? []).toString()).toContain(before.trade_id);
    expect(await gateway.post(trade)).toMatchObject({ status: 200, body: { known: 1 } });
  });

  it("answers 503 with Retry-After where neither database nor journal takes rows", async () => {
    outage = connectionError("ECONNREFUSED", "the database is away");
    // Records of half the journal's limit.
    const large = () => Array.from({ length: 1_500 }, () => freshTrade());
    const statuses: number[] = [];
    let last: Awaited<ReturnType<typeof gateway.post>> | null = null;
    for (let count = 0; count < 4; count++) {
      last = await gateway.post(large());
      statuses.push(last.status);
    }
    outage = null;
    expect(statuses[0]).toBe(202);
    expect(last).toMatchObject({ status: 503, body: { type: "urn:stellarindex:problem:not-durable" } });
    expect(last?.headers.get("Retry-After")).toBe("5");
    await expect.poll(() => gateway.journal.state().depth, { timeout: 10_000 }).toBe(0);
    expect(await gateway.post(freshTrade())).toMatchObject({ status: 200 });
  });
});
