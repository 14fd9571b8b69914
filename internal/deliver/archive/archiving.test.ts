import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { testEngines } from "../../storage/connection/database.testing.ts";
import { makeClaim } from "../../storage/control/claim.ts";
import { testLedger } from "../../storage/control/jobs.testing.ts";
import { reportJobs } from "../../storage/control/report.ts";
import { DELIVER_KIND } from "../../storage/events/deliveries.ts";
import { declare, newDestination, newEvent, record } from "../../storage/events/events.testing.ts";
import { readEvents } from "../../storage/events/read-events.ts";
import { archiveMeasured, deliverFailed, eventsArchived } from "../events.ts";
import type { Archive } from "./archive.ts";
import { archiveDue } from "./archive-due.ts";
import { directoryArchive } from "./directory.ts";
import { keepArchiving } from "./keep-archiving.ts";
import { makeReadArchived } from "./read-archived.ts";

const { signal } = new AbortController();
const scratch = mkdtempSync(join(tmpdir(), "stellarindex-archiving-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each(enginesOf(testEngines))("the archive of events on $name", (engine) => {
  const ledger = testLedger(engine);
  let directory: string;
  let archive: Archive;
  beforeEach(() => {
    directory = mkdtempSync(join(scratch, "archive-"));
    archive = directoryArchive(directory);
  });

  const parts = (given: { archive?: Archive; afterSeconds?: number } = {}) => ({
    ...{ database: ledger.database, tenant: ledger.tenant, archive: given.archive ?? archive },
    afterSeconds: given.afterSeconds ?? 0,
  });
  const given = (bodies: readonly string[]) =>
    record(
      ledger.database,
      ledger.tenant,
      bodies.map((body, index) => newEvent({ id: `${index}`, body })),
    ).then((results) => results.map(({ sequence }) => sequence));
  const stored = async (sequences: readonly bigint[]) => {
    const events = await readEvents(ledger.database.sql, ledger.tenant, sequences);
    return sequences.map((sequence) => events.get(sequence) ?? expect.fail("not on record"));
  };
  const bodiesLeft = async (sequences: readonly bigint[]) => (await stored(sequences)).map(({ body }) => body);
  const readBack = async (sequences: readonly bigint[]) => {
    const readArchived = makeReadArchived(archive);
    return Promise.all((await stored(sequences)).map((event) => readArchived(event)));
  };
  const objects = () =>
    readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) => /\w{64}$/.test(name));
  const end = async (outcome: "succeeded" | "retry", maxJobs = 100) => {
    const request = { tenant: ledger.tenant, kinds: [DELIVER_KIND], worker: "w", maxJobs, leaseSeconds: 60 };
    const leases = await makeClaim(() => 0)(ledger.database.sql, request);
    const reports = leases.map(({ jobId, leaseToken }) => ({
      ...{ jobId, leaseToken, outcome, retrySeconds: 0, throttle: null, reason: "timeout", message: null },
    }));
    await reportJobs(ledger.database.sql, ledger.tenant, reports);
  };

  it("gives back each text as it was given, however the events were batched", async () => {
    const body = fc.dictionary(fc.string({ unit: "grapheme" }), fc.oneof(fc.string(), fc.double({ noNaN: true })));
    const text = fc.tuple(body, fc.constantFrom(0, 2)).map(([data, space]) => JSON.stringify(data, null, space));
    // PostgreSQL's text has no zero characters.
    const bodies = fc.array(
      text.filter((each) => !each.includes("\\u0000") && !each.includes("\0")),
      { maxLength: 12 },
    );
    let [tenants, events] = [0, 0];
    await fc.assert(
      fc.asyncProperty(bodies, fc.integer({ min: 1, max: 5 }), async (texts, mostEvents) => {
        const tenant = `${ledger.tenant}-${tenants++}`;
        await ledger.database.sql`INSERT INTO control.tenants (tenant) VALUES (${tenant})`;
        const results = await record(
          ledger.database,
          tenant,
          texts.map((each) => newEvent({ id: `${events++}`, body: each })),
        );
        await archiveDue({ ...parts(), tenant }, signal, { mostEvents, mostBytes: 100 });
        const sequences = results.map(({ sequence }) => sequence);
        const found = await readEvents(ledger.database.sql, tenant, sequences);
        const readArchived = makeReadArchived(archive);
        const read = sequences.map(async (sequence) => {
          const event = found.get(sequence) ?? expect.fail("not on record");
          expect(event.body).toBeNull();
          return readArchived(event);
        });
        expect(await Promise.all(read)).toEqual(texts);
      }),
      { numRuns: runsOf(80) },
    );
  });

  it("leaves what is young, and what still has a delivery under way, and takes the outcome with the rest", async () => {
    await declare(ledger.database, ledger.tenant, [newDestination({ maxAttempts: 1 })]);
    const [first] = await given(['{"n":1}']);
    await end("retry");
    const [second] = await record(ledger.database, ledger.tenant, [newEvent({ id: "second", body: '{"n":2}' })]);
    const sequences = [first as bigint, (second as { sequence: bigint }).sequence];
    await archiveDue(parts({ afterSeconds: 3600 }), signal);
    expect(await bodiesLeft(sequences)).toEqual(['{"n":1}', '{"n":2}']);
    await archiveDue(parts(), signal);
    expect(await bodiesLeft(sequences)).toEqual([null, '{"n":2}']);
    const [object = ""] = objects();
    const line = JSON.parse(gunzipSync(readFileSync(join(directory, object))).toString()) as Record<string, unknown>;
    expect(line).toMatchObject({ body: '{"n":1}', deliveries: [{ destination: "board", state: "dead", attempts: 1 }] });
    await end("succeeded");
    await archiveDue(parts(), signal);
    expect(await bodiesLeft(sequences)).toEqual([null, null]);
    expect(await readBack(sequences)).toEqual(['{"n":1}', '{"n":2}']);
  });

  it("a process that is killed after writing an object, before anything is removed, leaves it to be written again", async () => {
    const sequences = await given(['{"n":1}', '{"n":2}']);
    const killed: Archive = {
      ...archive,
      put: async (...object) => {
        await archive.put(...object);
        throw new Error("killed");
      },
    };
    await expect(archiveDue(parts({ archive: killed }), signal)).rejects.toThrow("killed");
    const left = objects();
    expect(await bodiesLeft(sequences)).toEqual(['{"n":1}', '{"n":2}']);
    await archiveDue(parts(), signal);
    expect(objects()).toEqual(left);
    expect(await readBack(sequences)).toEqual(['{"n":1}', '{"n":2}']);
  });

  it("removes nothing that the archive does not give back whole", async () => {
    const sequences = await given(['{"n":1}']);
    const lying: Archive = { ...archive, get: async (name) => (await archive.get(name, signal)).subarray(1) };
    await expect(archiveDue(parts({ archive: lying }), signal)).rejects.toThrow("is damaged");
    expect(await bodiesLeft(sequences)).toEqual(['{"n":1}']);
  });

  it("is kept by several processes at once without harm", async () => {
    const texts = Array.from({ length: 100 }, (_, index) => `{"n":${index}}`);
    const sequences = await given(texts);
    let archived = 0;
    const unsubscribe = eventsArchived.subscribe(({ events }) => {
      archived += events;
    });
    const passes = () => [10, 7, 100].map((mostEvents) => archiveDue(parts(), signal, { mostEvents }));
    // A process that another one is ahead of ends its pass; the next one finds the rest.
    do await Promise.all(passes());
    while ((await bodiesLeft(sequences)).some((body) => body !== null));
    unsubscribe();
    expect(archived).toBe(100);
    expect(await readBack(sequences)).toEqual(texts);
  });

  it("is kept by a loop that tells what it did, and of what fails; without an archive, what to set", async () => {
    const told: string[] = [];
    const subscriptions = [
      eventsArchived.subscribe(({ events }) => told.push(`archived ${events}`)),
      archiveMeasured.subscribe(({ overdueSeconds }) => told.push(overdueSeconds > 0 ? "late" : "in time")),
      deliverFailed.subscribe(({ call, error }) => told.push(`${call}: ${error.message}`)),
    ];
    const sequences = await given(['{"n":1}']);
    let isDown = true;
    const failing: Archive = {
      ...archive,
      put: (...object) => (isDown ? Promise.reject(new Error("no room")) : archive.put(...object)),
    };
    const loop = keepArchiving(parts({ archive: failing }), 0.01);
    try {
      await vi.waitUntil(() => told.includes("archive: no room"));
      expect(await bodiesLeft(sequences)).toEqual(['{"n":1}']);
      isDown = false;
      await vi.waitUntil(() => told.includes("in time"));
    } finally {
      await loop.stop();
      for (const unsubscribe of subscriptions) unsubscribe();
    }
    expect(told.slice(0, 2)).toEqual(["late", "archive: no room"]);
    expect(told.filter((each) => each === "archived 1")).toHaveLength(1);
    const [event] = await stored(sequences);
    const unset = makeReadArchived(null);
    await expect(unset(event ?? expect.fail())).rejects.toThrow(/as \w{64}: set deliver\.archive to where that is/);
  });
});
