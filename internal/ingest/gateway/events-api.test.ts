import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../../storage/connection/database.testing.ts";
import { connectionError } from "../../storage/connection/errors.ts";
import { EVENTS_TENANT } from "../../storage/events/event.ts";
import { declare, newDestination } from "../../storage/events/events.testing.ts";
import { readQuarantine } from "../../storage/ingest/quarantine.ts";
import { EVENT_KEYS, KEYS, serveTestGateway } from "./gateway.testing.ts";
import { EVENT_TYPE } from "./quarantined-event.ts";

const as = (key: string) => ({ Authorization: `Bearer ${key}` });
let ids = 0;
const freshId = () => `e${ids++}`;

describe.each(enginesOf(testEngines))("events over HTTP on $name", (engine) => {
  let database: TestDatabase;
  let gateway: Awaited<ReturnType<typeof serveTestGateway>>;
  /** What calls of the database fail with; null where it works. */
  let outage: Error | null = null;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    const { breaker } = database;
    gateway = await serveTestGateway({
      ...database,
      breaker: { ...breaker, run: (call) => (outage === null ? breaker.run(call) : Promise.reject(outage)) },
    });
    await declare(database, EVENTS_TENANT, [newDestination()]);
  });
  afterAll(async () => {
    await gateway.close();
    await database.drop();
  });

  const recorded = (id: string) => database.sql`
    SELECT sender, type, pair, body, traceparent FROM events.events WHERE id = ${id} ORDER BY sequence`;
  const kept = async () => (await readQuarantine(database.sql, { kind: "malformed", before: null, limit: 1 }))[0];
  const drained = () => expect.poll(() => gateway.journal.state().depth, { timeout: 10_000 }).toBe(0);

  it("are recorded once, by their exact text; other data under the same id are a conflict on record", async () => {
    const id = freshId();
    const body = `{"id":"${id}", "amount":1.50,"at":"\\u00e9" }`;
    expect(await gateway.postEvent(body)).toMatchObject({ status: 200, body: { id, status: "new" } });
    expect(await gateway.postEvent(gzipSync(body), { "Content-Encoding": "gzip" })).toMatchObject({
      ...{ status: 200, body: { id, status: "known" } },
    });
    expect(await gateway.postEvent({ id, amount: 2 })).toMatchObject({ status: 200, body: { id, status: "conflict" } });
    expect([...(await recorded(id))]).toEqual([
      { sender: "shop", type: "event.posted", pair: null, body, traceparent: null },
    ]);
    // Another sender's event.
    expect(await gateway.postEvent({ id }, as(EVENT_KEYS.bank))).toMatchObject({ body: { status: "new" } });
    expect(await gateway.getEvent(id)).toMatchObject({ body: { sender: "shop", conflicts: 1 } });
  });

  it("keep type, pair and traceparent, and take whole numbers as ids", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const event = { id: 123456789, type: "order.created", pair: "XLM/USD" };
    expect(await gateway.postEvent(event, { traceparent })).toMatchObject({ body: { id: "123456789", status: "new" } });
    expect(await recorded("123456789")).toMatchObject([
      { type: "order.created", pair: "crypto:XLM/fiat:USD", traceparent },
    ]);
    expect(await gateway.postEvent({ id: "123456789", type: "order.created", pair: "XLM/USD" })).toMatchObject({
      body: { status: "conflict" },
    });
    const id = freshId();
    await gateway.postEvent({ id, pair: "shoes", type: null }, { traceparent: "00-1" });
    expect(await recorded(id)).toMatchObject([{ type: "event.posted", pair: null, traceparent: null }]);
  });

  it("are refused where they are none, and kept in quarantine all the same", async () => {
    const deep = `{"id":"1","x":${"[".repeat(101)}${"]".repeat(101)}}`;
    const cases: readonly (readonly [string | Uint8Array, number, string, string?])[] = [
      ['{"id":', 400, "malformed-body"],
      ['[{"id":"1"}]', 400, "malformed-body"],
      [Buffer.from('{"id":"\xff"}', "latin1"), 400, "malformed-body"],
      [deep, 400, "malformed-body"],
      ['{"id":"1","a":{"b":[0.1,9007199254740993]}}', 400, "invalid-body", "/a/b/1"],
      [`{"id":"1","x":"${"x".repeat(262_144)}"}`, 413, "body-too-large"],
      ["{}", 422, "invalid-event", "/id"],
      ['{"id":""}', 422, "invalid-event", "/id"],
      ['{"id":1.5}', 422, "invalid-event", "/id"],
      ['{"id":1e23}', 422, "invalid-event", "/id"],
      ['{"id":"a\\u0000b"}', 422, "invalid-event", "/id"],
      [JSON.stringify({ id: "x".repeat(257) }), 422, "invalid-event", "/id"],
      ['{"id":"1","type":"price.published"}', 422, "invalid-event", "/type"],
      ['{"id":"1","type":"Order Created"}', 422, "invalid-event", "/type"],
      ['{"id":"1","type":7}', 422, "invalid-event", "/type"],
    ];
    for (const [body, status, type, pointer] of cases) {
      const answer = await gateway.postEvent(body);
      expect([answer.status, answer.body.type]).toEqual([status, `urn:stellarindex:problem:${type}`]);
      expect(answer.body.errors?.[0].pointer).toBe(pointer);
      expect(await kept()).toMatchObject({ sender: "shop", contentType: EVENT_TYPE, isCut: status === 413 });
    }
    expect([...(await recorded("1"))]).toEqual([]);
  });

  it("need a key with the scope, and JSON", async () => {
    const post = (headers: Record<string, string>) => gateway.postEvent({ id: freshId() }, headers);
    expect(await post(as(KEYS.acme))).toMatchObject({ status: 403 });
    expect(await post(as(EVENT_KEYS.support))).toMatchObject({ status: 403 });
    expect(await post(as("si_unknown"))).toMatchObject({ status: 401 });
    expect(await post({ "Content-Type": "text/plain" })).toMatchObject({ status: 415 });
    expect(await gateway.getEvent(freshId(), KEYS.reader)).toMatchObject({ status: 403 });
  });

  it("get the first answer again with an Idempotency-Key, which trades do not share", async () => {
    const id = freshId();
    const header = { "Idempotency-Key": `"key ${id}"` };
    const first = await gateway.postEvent({ id }, header);
    expect(first.body).toEqual({ id, status: "new" });
    expect(await gateway.postEvent({ id }, header)).toMatchObject({ status: 200, body: first.body });
    expect(await gateway.postEvent({ id, more: 1 }, header)).toMatchObject({ status: 422 });
  });

  it("are journalled in the order they came in while the database is away, also behind what is not stored yet", async () => {
    const [known, first, second] = [freshId(), freshId(), freshId()];
    await gateway.postEvent({ id: known });
    outage = connectionError("ECONNREFUSED", "the database is away");
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const journalled = await gateway.postEvent({ id: first, type: "order.created" }, { traceparent });
    expect([journalled.status, journalled.body]).toEqual([202, { id: first, status: "journalled" }]);
    expect(await gateway.postEvent({ id: known, other: true })).toMatchObject({ status: 202 });
    expect(await gateway.getEvent(first)).toMatchObject({ status: 503 });
    outage = null;
    await gateway.postEvent({ id: second });
    await drained();
    expect(await recorded(first)).toMatchObject([{ sender: "shop", type: "order.created", traceparent }]);
    const order = await database.sql`SELECT id FROM events.events WHERE id IN (${first}, ${second}) ORDER BY sequence`;
    expect(order.map((row) => row["id"])).toEqual([first, second]);
    expect(await gateway.getEvent(known)).toMatchObject({ body: { conflicts: 1 } });
    expect(await gateway.postEvent({ id: second })).toMatchObject({ status: 200, body: { status: "known" } });
  });

  it("that the database refuses go from the journal to quarantine, and hold back no others", async () => {
    const [bad, good] = [freshId(), freshId()];
    await database.sql.unsafe(`
      ALTER TABLE events.events ADD CONSTRAINT refused CHECK (id <> '${bad}')`);
    const refused = await gateway.postEvent({ id: bad });
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: "" }] } });
    outage = connectionError("ECONNREFUSED", "the database is away");
    for (const id of [bad, good]) expect(await gateway.postEvent({ id })).toMatchObject({ status: 202 });
    outage = null;
    await drained();
    expect(await recorded(good)).toHaveLength(1);
    const [entry] = await readQuarantine(database.sql, { kind: "refused", before: null, limit: 1 });
    expect(entry).toMatchObject({ sender: "shop", contentType: EVENT_TYPE, content: Buffer.from(`{"id":"${bad}"}`) });
  });

  it("are shown to their sender, and those of all to whoever may see them", async () => {
    const id = "a/b?é";
    const path = encodeURIComponent(id);
    await gateway.postEvent({ id });
    expect(await gateway.getEvent(path)).toMatchObject({
      status: 200,
      body: { id, sender: "shop", destinations: [{ destination: "board", state: "pending", attempts: [] }] },
    });
    expect(await gateway.getEvent(path, EVENT_KEYS.bank)).toMatchObject({ status: 404 });
    expect(await gateway.getEvent(`${path}?sender=shop`, EVENT_KEYS.bank)).toMatchObject({ status: 404 });
    expect(await gateway.getEvent(path, EVENT_KEYS.support)).toMatchObject({ body: { sender: "shop" } });
    await gateway.postEvent({ id }, as(EVENT_KEYS.bank));
    const several = await gateway.getEvent(path, EVENT_KEYS.support);
    expect(several).toMatchObject({ status: 409, body: { type: "urn:stellarindex:problem:event-ambiguous" } });
    expect(several.body.detail).toContain("shop, bank");
    expect(await gateway.getEvent(`${path}?sender=bank`, EVENT_KEYS.support)).toMatchObject({
      body: { sender: "bank" },
    });
    expect(await gateway.getEvent(freshId(), EVENT_KEYS.support)).toMatchObject({
      status: 404,
      body: { type: "urn:stellarindex:problem:event-not-found" },
    });
  });
});
