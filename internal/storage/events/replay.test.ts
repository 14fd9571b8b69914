import { describe, expect, it } from "vitest";
import { testEngines } from "../connection/database.testing.ts";
import { readAuditLog } from "../control/audit-log.ts";
import { makeClaim } from "../control/claim.ts";
import { TESTER, testLedger } from "../control/jobs.testing.ts";
import { DELIVER_KIND, type DeliveryPayload } from "./deliveries.ts";
import { declare, newDestination, newEvent, record } from "./events.testing.ts";
import { listEvents } from "./list.ts";
import { countReplay, type ReadArchivedData, type Replay, replayEvents } from "./replay.ts";

describe.each(testEngines)("events of the past on $name", (engine) => {
  const ledger = testLedger(engine);
  const events = (count: number, type = "event.posted") =>
    record(
      ledger.database,
      ledger.tenant,
      Array.from({ length: count }, (_, index) => newEvent({ id: `${type} ${index}`, type })),
    );
  const replayOf = (given: Partial<Replay> = {}): Replay => ({
    ...{ destination: "crm", type: null, from: null, to: null },
    ...given,
  });
  const count = (given?: Partial<Replay>) => countReplay(ledger.database.sql, ledger.tenant, replayOf(given), archive);
  let archive: ReadArchivedData | null = null;
  const actor = () => ({ ...TESTER, tenant: ledger.tenant });
  const replay = (given?: Partial<Replay>) => replayEvents(ledger.database.sql, actor(), replayOf(given), archive);
  const claim = async () => {
    const request = { tenant: ledger.tenant, kinds: [DELIVER_KIND], worker: "w", maxJobs: 1000, leaseSeconds: 60 };
    return makeClaim(() => 0)(ledger.database.sql, request);
  };

  it("are delivered to a new destination once, in their order, behind new ones, and the audit log says so", async () => {
    await events(450);
    await declare(ledger.database, ledger.tenant, [newDestination({ destination: "crm", concurrency: 1000 })]);
    await events(1, "live");
    expect(await count()).toEqual({ events: 450, archived: 0 });
    expect(await claim()).toMatchObject([{ source: "crm" }]);
    // Two at once do not deliver anything twice.
    const [one, two] = await Promise.all([replay(), replay()]);
    expect([one.events + two.events, one.archived]).toEqual([450, 0]);
    expect([await count(), await replay()]).toEqual([
      { events: 0, archived: 0 },
      { events: 0, archived: 0 },
    ]);
    const order = (await claim()).map(({ payload }) => Number((payload as DeliveryPayload).event));
    expect(order).toHaveLength(450);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    const log = await readAuditLog(ledger.database.sql, ledger.tenant, { before: null, limit: 100 });
    expect(log.every(({ action }) => action === "events.replay")).toBe(true);
    expect(log.reduce((sum, { result }) => sum + (result as { added: number }).added, 0)).toBe(450);
    expect(log.at(-1)).toMatchObject({ actor: "tester", target: { destination: "crm", type: null, from: null } });
  });

  it("are chosen by type, time and the filter of the destination; archived ones are left out and counted", async () => {
    await events(3, "order.created");
    await events(2, "order.paid");
    await events(2, "mail");
    const { sql } = ledger.database;
    await declare(ledger.database, ledger.tenant, [
      newDestination({ destination: "crm", filter: { events: ["order.*"], pairs: [], where: [] } }),
    ]);
    await sql`
      UPDATE events.events SET body = NULL, archived_as = 'x' WHERE tenant = ${ledger.tenant} AND id = 'order.created 0'`;
    expect(await count()).toEqual({ events: 4, archived: 1 });
    expect(await count({ type: "order.paid" })).toMatchObject({ events: 2 });
    expect(await count({ type: "order.c*" })).toMatchObject({ events: 2 });
    expect(await count({ type: "mail" })).toMatchObject({ events: 0 });
    expect(await count({ to: 0n })).toMatchObject({ events: 0 });
    expect(await count({ from: 4_102_444_800_000_000n })).toMatchObject({ events: 0 });
    expect(await replay({ type: "order.paid" })).toEqual({ events: 2, archived: 0 });
    expect(await replay()).toEqual({ events: 2, archived: 1 });
    archive = async ({ archivedAs }) => JSON.stringify({ id: "1", from: archivedAs });
    expect([await count(), await replay()]).toEqual([
      { events: 1, archived: 0 },
      { events: 1, archived: 0 },
    ]);
    archive = null;
  });

  it("go to no destination that is not there, or has left the configuration", async () => {
    await declare(ledger.database, ledger.tenant, [newDestination(), newDestination({ destination: "crm" })]);
    await declare(ledger.database, ledger.tenant, [newDestination()]);
    for (const act of [count, replay]) await expect(act()).rejects.toThrow('there is no destination "crm"');
    await expect(count()).rejects.toThrow("board");
  });

  it("are listed, newest first, with what became of their deliveries", async () => {
    await events(1, "before");
    await declare(ledger.database, ledger.tenant, [newDestination(), newDestination({ destination: "crm" })]);
    await events(2, "order.paid");
    const { sql } = ledger.database;
    await sql`
      UPDATE control.jobs SET state = 'succeeded', ended_at = clock_timestamp(), ready_order = NULL FROM control.lanes
      WHERE jobs.tenant = ${ledger.tenant} AND lanes.lane_id = jobs.lane_id AND source = 'crm'`;
    const any = { type: null, from: null, to: null, destination: null, isUndelivered: false, limit: 10 };
    const list = async (given: Partial<Parameters<typeof listEvents>[2]> = {}) =>
      (await listEvents(sql, ledger.tenant, { ...any, ...given })).map(({ id }) => id);
    expect(await list()).toEqual(["order.paid 1", "order.paid 0", "before 0"]);
    expect(await list({ limit: 1 })).toEqual(["order.paid 1"]);
    expect(await list({ isUndelivered: true })).toEqual(["order.paid 1", "order.paid 0"]);
    expect(await list({ isUndelivered: true, destination: "crm" })).toEqual([]);
    expect(await list({ destination: "crm" })).toEqual(["order.paid 1", "order.paid 0"]);
    expect(await list({ type: "before" })).toEqual(["before 0"]);
    expect(await list({ type: "bef*", to: 0n })).toEqual([]);
    const [newest] = await listEvents(sql, ledger.tenant, any);
    expect(newest).toMatchObject({
      ...{ sender: "", type: "order.paid", pair: null },
      deliveries: [
        { destination: "board", state: "pending" },
        { destination: "crm", state: "delivered" },
      ],
    });
  });
});
