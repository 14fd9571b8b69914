import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { enginesOf } from "../../test/thoroughness.ts";
import { stopwatch, systemClock } from "../lib/clock.ts";
import { testEngines } from "../storage/connection/database.testing.ts";
import { redriveDeadLetters } from "../storage/control/dead-letters.ts";
import { TESTER, testLedger } from "../storage/control/jobs.testing.ts";
import { listPauses } from "../storage/control/pauses.ts";
import { declare, newDestination, newEvent, record } from "../storage/events/events.testing.ts";
import type { Archive } from "./archive/archive.ts";
import { archiveDue } from "./archive/archive-due.ts";
import { directoryArchive } from "./archive/directory.ts";
import { makeReadArchived } from "./archive/read-archived.ts";
import type { Receiver } from "./deliver-event.ts";
import { runDeliveries } from "./delivery-worker.ts";
import { deliverFailed } from "./events.ts";
import type { OutgoingEvent, Sent } from "./sender.ts";

const ANSWERS = {
  delivered: { outcome: "delivered", status: 200, reason: null, detail: null, retryAfterSeconds: null },
  failed: { outcome: "retry", status: 500, reason: "http_status", detail: "no", retryAfterSeconds: null },
  throttled: { outcome: "throttled", status: 429, reason: "throttled", detail: "slowly", retryAfterSeconds: 0 },
  gone: { outcome: "gone", status: 410, reason: "http_status", detail: "gone", retryAfterSeconds: null },
} as const satisfies Record<string, Sent>;

describe.each(enginesOf(testEngines))("deliveries on $name", (engine) => {
  const ledger = testLedger(engine);

  /** A receiver that answers the attempts of each event in turn, the last answer again and again. */
  function receiver(answers: readonly (keyof typeof ANSWERS)[], retrySeconds = [0, 0]) {
    const got: { id: string; attempt: number; body: string }[] = [];
    const count = new Map<string, number>();
    const send = async ({ id, body }: OutgoingEvent, attempt: number): Promise<Sent> => {
      got.push({ id, attempt, body });
      const made = count.get(id) ?? 0;
      count.set(id, made + 1);
      return ANSWERS[answers[Math.min(made, answers.length - 1)] ?? "delivered"];
    };
    return { got, receiver: { send, retrySeconds, concurrency: 4 } satisfies Receiver };
  }

  async function delivering(
    receivers: Record<string, Receiver>,
    work: () => Promise<unknown>,
    archive: Archive | null = null,
  ): Promise<void> {
    const stop = new AbortController();
    const parts = {
      database: ledger.database,
      tenant: ledger.tenant,
      receivers: new Map(Object.entries(receivers)),
      outages: new Map(),
      readArchived: makeReadArchived(archive),
      now: systemClock.now,
      stopwatch,
      random: () => 0,
    };
    const running = runDeliveries("test", parts, stop.signal);
    try {
      await work();
    } finally {
      stop.abort();
      await running;
    }
  }

  const states = async () => {
    const rows = await ledger.database.sql`
      SELECT destination, state FROM events.deliveries JOIN control.jobs USING (tenant, job_id)
      WHERE tenant = ${ledger.tenant} ORDER BY sequence, destination`;
    return rows.map(({ destination, state }) => `${destination} ${state}`);
  };
  const statusOf = (message: string): unknown => {
    const [, status] = /"status":(\d+)/.exec(message) ?? [];
    return status === undefined ? null : Number(status);
  };
  const history = async () => {
    const rows = await ledger.database.sql`
      SELECT to_state, reason, message FROM control.job_history
      WHERE tenant = ${ledger.tenant} AND from_state = 'leased' ORDER BY entry_id`;
    return rows.map(({ to_state, reason, message }) => [to_state, reason, statusOf(message)]);
  };

  it("repeat what failed by the schedule, do not count waits that the receiver asks for, and keep each attempt", async () => {
    const { got, receiver: board } = receiver(["throttled", "throttled", "throttled", "failed", "failed", "delivered"]);
    await declare(ledger.database, ledger.tenant, [newDestination()]);
    const body = '{"id":"1","amount":"0.10"}';
    await record(ledger.database, ledger.tenant, [newEvent({ body })]);
    await delivering({ board }, () => vi.waitUntil(async () => (await states())[0] === "board succeeded", 20_000));
    expect(got.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 2, 3]);
    expect(new Set(got.map((each) => each.body))).toEqual(new Set([body]));
    expect(await history()).toEqual([
      ...Array(3).fill(["ready", "throttled", 429]),
      ...Array(2).fill(["ready", "http_status", 500]),
      ["succeeded", null, 200],
    ]);
  });

  it("that wait while the schedule is made longer begin with its first wait", async () => {
    const { got, receiver: board } = receiver(["failed", "delivered"], [0, 3600, 3600, 3600]);
    await declare(ledger.database, ledger.tenant, [newDestination({ maxAttempts: 2 })]);
    await record(ledger.database, ledger.tenant, [newEvent()]);
    await delivering({ board }, () => vi.waitUntil(async () => (await states())[0] === "board succeeded", 20_000));
    expect(got.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it("whose event cannot be read have made no attempt", async () => {
    const { got, receiver: board } = receiver(["delivered"], []);
    await declare(ledger.database, ledger.tenant, [newDestination({ maxAttempts: 1 })]);
    await record(ledger.database, ledger.tenant, [newEvent()]);
    const { sql } = ledger.database;
    const failedCalls: string[] = [];
    const stop = deliverFailed.subscribe(({ call }) => void failedCalls.push(call));
    await sql`ALTER TABLE events.events RENAME COLUMN body TO hidden`;
    await delivering({ board }, async () => {
      await vi
        .waitUntil(() => failedCalls.includes("read"), 20_000)
        .finally(() => sql`ALTER TABLE events.events RENAME COLUMN hidden TO body`);
      stop();
      await vi.waitUntil(async () => (await states())[0] === "board succeeded", 20_000);
    });
    expect(got).toHaveLength(1);
  });

  it("are dead letters once the schedule is used up, which hold back nobody else, also of the same key", async () => {
    const { receiver: bad } = receiver(["failed"]);
    const { got, receiver: good } = receiver(["delivered"]);
    await declare(ledger.database, ledger.tenant, [
      newDestination({ destination: "bad", orderKey: "/key" }),
      newDestination({ destination: "good" }),
    ]);
    const event = (id: string) => newEvent({ id, body: JSON.stringify({ id, key: "k" }) });
    await record(ledger.database, ledger.tenant, [event("1"), event("2")]);
    await delivering({ bad, good }, () =>
      vi.waitUntil(async () => (await states()).every((state) => !/ready|leased|blocked/.test(state)), 20_000),
    );
    expect(await states()).toEqual(["bad dead", "good succeeded", "bad dead", "good succeeded"]);
    expect(got).toHaveLength(2);
  });

  it("to a receiver that is gone are paused, and lost by nobody", async () => {
    const { receiver: board } = receiver(["gone"]);
    await declare(ledger.database, ledger.tenant, [newDestination()]);
    await record(ledger.database, ledger.tenant, [newEvent()]);
    await delivering({ board }, () =>
      vi.waitUntil(async () => (await listPauses(ledger.database.sql, ledger.tenant)).length > 0, 20_000),
    );
    expect(await listPauses(ledger.database.sql, ledger.tenant)).toMatchObject([
      { scope: "source", name: "board", actor: "deliver", reason: expect.stringContaining("410") },
    ]);
    expect(await states()).toEqual(["board ready"]);
  });

  it("of an event that is archived are redriven with the same text, once the archive can be read", async () => {
    const directory = mkdtempSync(join(tmpdir(), "stellarindex-redriven-"));
    try {
      const archive = directoryArchive(directory);
      const { got, receiver: board } = receiver(["failed", "delivered"], []);
      const { database, tenant } = ledger;
      const body = '{ "id": "1", "amount": 0.10 }';
      await declare(database, tenant, [newDestination({ maxAttempts: 1 })]);
      await record(database, tenant, [newEvent({ body })]);
      const isDead = () => vi.waitUntil(async () => (await states())[0] === "board dead", 20_000);
      await delivering({ board }, isDead);
      await archiveDue({ database, tenant, archive, afterSeconds: 0 }, new AbortController().signal);
      const redrive = () =>
        redriveDeadLetters(
          database.sql,
          { tenant, ...TESTER },
          {
            filter: { kind: "deliver", host: null, reason: null },
            ...{ perMinute: 60_000, isDryRun: false },
          },
        );
      await redrive();
      await delivering({ board }, isDead);
      expect((await history()).at(-1)).toEqual(["dead", "archive_unreadable", null]);
      await redrive();
      await delivering({ board }, () => vi.waitUntil(async () => got.length === 2, 20_000), archive);
      expect(got.map((each) => each.body)).toEqual([body, body]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
