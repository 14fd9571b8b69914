import { describe, expect, it, vi } from "vitest";
import { keepIncidents } from "../../storage/control/incidents.ts";
import { newJob } from "../../storage/control/jobs.testing.ts";
import { databaseTime } from "../../storage/control/schedules.ts";
import { submitJob } from "../../storage/control/submit.ts";
import { makeEventHub } from "../stream/hub.ts";
import { serveTestControl } from "./app.testing.ts";

const control = serveTestControl({
  reader: { tenant: "one", scopes: ["control:read"] },
  other: { tenant: "two", scopes: ["control:read"] },
  latecomer: { tenant: "late", scopes: ["control:read"] },
  worker: { tenant: "one", scopes: ["jobs:work"] },
});

interface Received {
  readonly id: string | null;
  readonly event: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: events have many shapes
  readonly data: any;
}

/** Follows the events of a caller; `next` waits for the next one, of this name if given. */
async function follow(name: string, lastEventId?: string) {
  const aborter = new AbortController();
  const response = await fetch(`${control.url}/events`, {
    headers: { ...control.headersOf(name), ...(lastEventId !== undefined && { "Last-Event-ID": lastEventId }) },
    signal: aborter.signal,
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let id: string | null = null;
  async function any(): Promise<Received> {
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end === -1) {
        const { value, done } = (await reader?.read()) ?? { value: "", done: true };
        if (done) throw new Error("the stream has ended");
        text += value;
        continue;
      }
      const fields = new Map(
        text
          .slice(0, end)
          .split("\n")
          .map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]),
      );
      text = text.slice(end + 2);
      id = fields.get("id") ?? id;
      const data = fields.get("data");
      return { id, event: fields.get("event") ?? null, data: data === undefined ? null : JSON.parse(data) };
    }
  }
  return {
    status: response.status,
    headers: response.headers,
    next: async (event: string | null) => {
      for (;;) {
        const received = await any();
        if (received.event === event) return received;
      }
    },
    close: () => aborter.abort(),
  };
}

const submit = (tenant: string, traceparent: string | null = null) =>
  submitJob(control.database.sql, tenant, newJob({ traceparent })).then(({ jobId }) => String(jobId));

describe("GET /events", () => {
  it("streams the transitions of the reader's tenant, and frees everything when the reader goes", async () => {
    const events = await follow("reader");
    expect([events.status, events.headers.get("Content-Type")]).toEqual([200, "text/event-stream"]);
    await events.next(null);
    await submit("two");
    const job = await submit("one", `00-${"a".repeat(32)}-${"b".repeat(16)}-01`);
    expect(await events.next("transition")).toMatchObject({
      data: { job_id: job, from: null, to: "ready", kind: "test", trace_id: "a".repeat(32) },
    });
    expect(control.events.readers()).toBe(1);
    events.close();
    await vi.waitFor(() => expect(control.events.readers()).toBe(0));
  });

  it("goes on after the position of an earlier stream, without a hole", async () => {
    const before = await follow("reader");
    await before.next(null);
    const seen = await submit("one");
    const { data } = await before.next("transition");
    // The position that follows says that the transition was received.
    let { id } = await before.next(null);
    while (BigInt(id ?? 0) < BigInt(data.entry_id)) ({ id } = await before.next(null));
    before.close();
    const missed = [await submit("one"), await submit("one")];
    const after = await follow("reader", id ?? "");
    const received = [await after.next("transition"), await after.next("transition")].map((each) => each.data.job_id);
    expect([received, received.includes(seen)]).toEqual([missed, false]);
    after.close();
  });

  it("says resync at once to one whose position history does not have, and goes on from now", async () => {
    // The first entry of this tenant comes after those of others.
    await submit("one");
    await submit("late");
    for (const position of ["1", "999999999999"]) {
      const events = await follow("latecomer", position);
      expect(await events.next("resync")).toMatchObject({ data: {} });
      const job = await submit("late");
      expect(await events.next("transition")).toMatchObject({ data: { job_id: job } });
      events.close();
    }
  });

  it("says resync to one that missed too much", async () => {
    const job = await submit("one");
    await control.database.sql`
      INSERT INTO control.job_history (tenant, job_id, to_state, attempt)
      SELECT 'one', ${job}::bigint, 'ready', 0 FROM generate_series(1, 1001)`;
    const events = await follow("reader", "0");
    await events.next("resync");
    events.close();
  });

  it("sends incidents and slowed hosts that there are, and when they are over", async () => {
    const { sql } = control.database;
    const finding = {
      code: "gap",
      key: "f",
      firstJob: null,
      lastJob: null,
      count: 1,
      message: "m",
      cluster: null,
    } as const;
    await keepIncidents(sql, "one", [finding], await databaseTime(sql));
    await sql`INSERT INTO control.throttles (tenant, host, not_before) VALUES ('one', 'slow', now() + interval '1 hour')`;
    const events = await follow("reader");
    expect(await events.next("incident")).toMatchObject({ data: { code: "gap", is_open: true } });
    expect(await events.next("throttle")).toMatchObject({ data: { host: "slow", is_slowed: true, hits: 1 } });
    await keepIncidents(sql, "one", [], await databaseTime(sql));
    expect(await events.next("incident")).toMatchObject({ data: { code: "gap", is_open: false } });
    events.close();
  });

  it("refuses a position that is none, a key without the scope, and too many readers", async () => {
    const answers = await Promise.all([follow("reader", "x"), follow("worker")]);
    expect(answers.map(({ status }) => status)).toEqual([400, 403]);
    const hub = makeEventHub(control.database.sql, { all: 2, perTenant: 1 });
    const stream = hub.join("one", null);
    expect([stream === null, hub.join("one", null)]).toEqual([false, null]);
    // One tenant does not take what another needs.
    expect([hub.join("two", null) === null, hub.join("late", null)]).toEqual([false, null]);
    await stream?.cancel();
    expect(hub.join("one", null)).not.toBeNull();
    hub.close();
    expect(hub.readers()).toBe(0);
  });

  it("drops a reader that does not read, after a resync", async () => {
    const hub = makeEventHub(control.database.sql);
    const reader = hub.join("one", null)?.getReader();
    await reader?.read();
    const job = await submit("one");
    const message = "m".repeat(200);
    while (hub.readers() > 0) {
      await control.database.sql`
        INSERT INTO control.job_history (tenant, job_id, to_state, attempt, message)
        SELECT 'one', ${job}::bigint, 'ready', 0, ${message} FROM generate_series(1, 3000)`;
    }
    let text = "";
    for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
      text += new TextDecoder().decode(part.value).slice(-100);
    }
    expect(text).toMatch(/event: resync\ndata: \{\}\n\n$/);
    hub.close();
  });
});
