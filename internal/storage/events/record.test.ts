import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { testEngines } from "../connection/database.testing.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { makeClaim } from "../control/claim.ts";
import { testLedger } from "../control/jobs.testing.ts";
import { reportJobs } from "../control/report.ts";
import { DELIVER_KIND, type DeliveryPayload } from "./deliveries.ts";
import { declare, newDestination, newEvent, record } from "./events.testing.ts";
import { readEvents } from "./read-events.ts";
import { releaseWaiting } from "./release.ts";

describe.each(enginesOf(testEngines))("events on $name", (engine) => {
  const ledger = testLedger(engine);
  const given = (events: Parameters<typeof record>[2]) => record(ledger.database, ledger.tenant, events);
  const destinations = (...all: Parameters<typeof declare>[2][number][]) =>
    declare(ledger.database, ledger.tenant, all);
  const claim = async (maxJobs = 100) => {
    const request = { tenant: ledger.tenant, kinds: [DELIVER_KIND], worker: "w", maxJobs, leaseSeconds: 60 };
    return makeClaim(() => 0)(ledger.database.sql, request);
  };
  type Leases = Awaited<ReturnType<typeof claim>>;
  const end = (leases: Leases, outcome: "succeeded" | "retry") =>
    reportJobs(
      ledger.database.sql,
      ledger.tenant,
      leases.map(({ jobId, leaseToken }) => ({
        ...{ jobId, leaseToken, outcome, retrySeconds: 0, throttle: null, reason: null, message: null },
      })),
    );
  const bodiesOf = async (leases: Leases): Promise<(string | null | undefined)[]> => {
    const sequences = leases.map(({ payload }) => BigInt((payload as DeliveryPayload).event));
    const events = await readEvents(ledger.database.sql, ledger.tenant, sequences);
    return sequences.map((sequence) => events.get(sequence)?.body);
  };

  it("are on record once, and again with other data as a conflict beside the first", async () => {
    await destinations(newDestination());
    const first = newEvent({ body: '{"id":"1","price":"1.50"}' });
    const [recorded] = await given([first]);
    expect(recorded?.status).toBe("new");
    const again = await given([
      { ...first, body: '{ "price": "1.50", "id": "1" }' },
      { ...first, body: '{"id":"1"}' },
    ]);
    expect(again).toEqual([
      { status: "known", sequence: recorded?.sequence },
      { status: "conflict", sequence: recorded?.sequence },
    ]);
    expect(await ledger.database.sql`SELECT body FROM events.conflicts WHERE tenant = ${ledger.tenant}`).toEqual([
      { body: '{"id":"1"}' },
    ]);
    expect(await bodiesOf(await claim())).toEqual([first.body]);
  });

  it("are told apart by sender, and within one call too", async () => {
    const results = await given([
      newEvent({ sender: "a" }),
      newEvent({ sender: "b" }),
      newEvent({ sender: "a" }),
      newEvent({ sender: "a", body: "{}" }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["new", "new", "known", "conflict"]);
  });

  it("go to each destination whose filter they pass", async () => {
    const where = [{ pointer: "/data/kind", values: ["x", 1] }];
    await destinations(
      newDestination({ destination: "all" }),
      newDestination({
        destination: "prices",
        filter: { events: ["price.*"], pairs: ["crypto:XLM/fiat:USD"], where: [] },
      }),
      newDestination({ destination: "x", filter: { events: [], pairs: [], where } }),
    );
    await given([
      newEvent({ id: "p", type: "price.published", pair: "crypto:XLM/fiat:USD", body: '{"data":{"kind":"y"}}' }),
      newEvent({ id: "q", type: "price.published", pair: "crypto:BTC/fiat:USD", body: '{"data":{"kind":1}}' }),
      newEvent({ id: "r", type: "other", body: '{"data":[]}' }),
    ]);
    const told = (await claim()).map(({ source, payload }) => [source, (payload as DeliveryPayload).destination]);
    expect(told.map(([source]) => source).sort()).toEqual(["all", "all", "all", "prices", "x"]);
    expect(told.every(([source, destination]) => source === destination)).toBe(true);
  });

  it("of a key are delivered one after the other, also across calls; other keys do not wait", async () => {
    await destinations(newDestination({ orderKey: "/key" }));
    const event = (id: string, key: string) => newEvent({ id, body: JSON.stringify({ id, key }) });
    await given([event("a1", "a"), event("b1", "b"), event("a2", "a")]);
    await given([event("a3", "a")]);
    const ids = async (leases: Leases) =>
      (await bodiesOf(leases)).map((body) => (JSON.parse(body ?? "{}") as { id: string }).id);
    const first = await claim();
    expect(await ids(first)).toEqual(["a1", "b1"]);
    // A repeated attempt keeps its place.
    await end(first, "retry");
    const again = await claim();
    expect((await ids(again)).sort()).toEqual(["a1", "b1"]);
    await end(again, "succeeded");
    const second = await claim();
    expect(await ids(second)).toEqual(["a2"]);
    await end(second, "succeeded");
    const third = await claim();
    expect(await ids(third)).toEqual(["a3"]);
    await end(third, "succeeded");
    // Nothing of the key is under way.
    await given([event("a4", "a")]);
    expect(await ids(await claim())).toEqual(["a4"]);
  });

  it("of a key go on once the one before is dead, and it is not counted twice when it is redriven", async () => {
    await destinations(newDestination({ orderKey: "", maxAttempts: 1 }));
    const pair = "crypto:XLM/fiat:USD";
    await given(["1", "2", "3"].map((id) => newEvent({ id, pair, body: JSON.stringify({ id }) })));
    const first = await claim();
    expect(await bodiesOf(first)).toEqual(['{"id":"1"}']);
    await end(first, "retry");
    const { sql } = ledger.database;
    const release = () =>
      inTransaction(sql, READ_COMMITTED, (transaction) => releaseWaiting(transaction, ledger.tenant));
    expect(await claim()).toEqual([]);
    expect([await release(), await release()]).toEqual([1, 0]);
    expect(await bodiesOf(await claim())).toEqual(['{"id":"2"}']);
    expect(await claim()).toEqual([]);
  });

  it("go to no destination that left the configuration", async () => {
    await destinations(newDestination());
    await destinations();
    await given([newEvent()]);
    expect(await claim()).toEqual([]);
  });
});
