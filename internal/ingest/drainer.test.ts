import { expect, it } from "vitest";
import { drain } from "./drainer.ts";
import { simulatedDisk } from "./journal/disk.testing.ts";
import { openJournal } from "./journal/journal.ts";

it("hands the records of each kind to their handler in order, and keeps them until these are done", async () => {
  const journal = await openJournal(simulatedDisk().directory, { maxBytes: 10_000, segmentBytes: 1_000 }, () => 0n);
  const record = (kind: number, text: string) => ({ kind, payload: Buffer.from(text) });
  await journal.append([record(1, "a"), record(1, "b"), record(2, "c"), record(1, "d"), record(9, "e")]);
  const handled: string[] = [];
  const failures: string[] = [];
  const handlers = new Map(
    [1, 2].map((kind) => [
      kind,
      async (payloads: readonly Uint8Array[]) => {
        if (kind === 2 && failures.length === 0) throw new Error("the database is away");
        handled.push(`${kind}:${payloads.map((payload) => Buffer.from(payload).toString()).join("")}`);
      },
    ]),
  );
  const ending = new AbortController();
  let drained = 0;
  const parts = {
    journal,
    handlers,
    onDrained: (records: number) => {
      drained += records;
    },
    onFailure: (error: Error) => void failures.push(error.message),
  };
  const draining = drain(parts, ending.signal);
  // Nothing of a later version is dropped.
  await expect.poll(() => failures.length).toBe(2);
  expect(failures).toEqual(["the database is away", expect.stringContaining("the unknown kind 9, of a later version")]);
  expect(handled).toEqual(["1:abd", "1:abd", "2:c"]);
  expect(journal.state().depth).toBe(5);
  handlers.set(9, async () => {});
  await expect.poll(() => journal.state().depth).toBe(0);
  expect(drained).toBe(5);
  ending.abort();
  await draining;
});
