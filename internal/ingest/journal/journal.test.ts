import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runsOf } from "../../../test/thoroughness.ts";
import { type Fault, type SimulatedDisk, simulatedDisk } from "./disk.testing.ts";
import { JournalCorrupt, JournalFull } from "./errors.ts";
import { type Journal, openJournal } from "./journal.ts";

const LIMITS = { maxBytes: 1_000_000, segmentBytes: 300 };
const now = () => 0n;

const record = (payload: string) => ({ kind: 1, payload: Buffer.from(payload) });

async function readAll(journal: Journal): Promise<string[]> {
  const batch = await journal.read(Number.POSITIVE_INFINITY);
  return batch?.records.map(({ payload }) => Buffer.from(payload).toString()) ?? [];
}

/** What a process was told before it ended. */
interface Told {
  /** The payloads of all appends, in the order of the calls, with whether they were acknowledged. */
  readonly appended: { readonly payload: string; isAcknowledged: boolean }[];
  /** The payloads whose commit was begun. */
  readonly begunCommit: string[];
}

type Step = { readonly append: readonly number[] } | { readonly commit: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ append: fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ commit: fc.integer({ min: 1, max: 500 }) }) },
);

/** Works with a journal until an error ends it, as a crash does. */
async function work(disk: SimulatedDisk, steps: readonly Step[], isOver: () => boolean): Promise<Told> {
  const told: Told = { appended: [], begunCommit: [] };
  let next = 0;
  try {
    const journal = await openJournal(disk.directory, LIMITS, now);
    for (const each of steps) {
      if (isOver()) break;
      if ("append" in each) {
        await Promise.all(
          each.append.map(async (length) => {
            const entry = { payload: `${next++}:${"x".repeat(length)}`, isAcknowledged: false };
            told.appended.push(entry);
            await journal.append([record(entry.payload)]).then(
              () => {
                entry.isAcknowledged = true;
              },
              () => {},
            );
          }),
        );
        continue;
      }
      const batch = await journal.read(each.commit);
      if (batch === null) continue;
      told.begunCommit.push(...batch.records.map(({ payload }) => Buffer.from(payload).toString()));
      await journal.commit(batch);
    }
  } catch {
    // What the simulated disk refused.
  }
  return told;
}

/**
 * Checks that what is left is in order, has each acknowledged record that was not committed, and nothing of others.
 * Committed records may be left too, where the position was not on disk.
 */
function checkLeft(left: readonly string[], { appended, begunCommit }: Told): void {
  const order = appended.map(({ payload }) => payload);
  const places = left.map((payload) => order.indexOf(payload));
  expect(places).not.toContain(-1);
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(new Set(left).size).toBe(left.length);
  const done = new Set(begunCommit);
  const owed = appended.flatMap(({ payload, isAcknowledged }) => (isAcknowledged && !done.has(payload) ? payload : []));
  expect(left).toEqual(expect.arrayContaining(owed));
}

describe("a journal", () => {
  it("returns records in the order of the appends, and those that are not committed after a restart", async () => {
    const disk = simulatedDisk();
    const journal = await openJournal(disk.directory, LIMITS, now);
    const payloads = Array.from({ length: 20 }, (_, index) => `record ${index}`);
    await Promise.all(payloads.map((payload) => journal.append([record(payload)])));
    expect(await readAll(journal)).toEqual(payloads);
    const batch = await journal.read(Number.POSITIVE_INFINITY);
    if (batch === null) throw new Error("there are records");
    await journal.append([record("later"), { kind: 7, payload: Buffer.alloc(0) }]);
    await journal.commit(batch);
    await journal.close();
    const reopened = await openJournal(disk.directory, LIMITS, now);
    expect(reopened.state()).toMatchObject({ depth: 2, oldest: 0n });
    expect(await reopened.read(1)).toMatchObject({ records: [{ kind: 1 }, { kind: 7 }] });
  });

  it("loses no acknowledged record when the process is killed, or the power fails, between any two steps", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.nat({ max: 150 }),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        fc.infiniteStream(fc.boolean()),
        async (steps, at, share, coins) => {
          const fault: Fault = { step: at, kind: "crash", share };
          const disk = simulatedDisk([fault]);
          const told = await work(disk, steps, () => disk.steps() > at);
          const killed = await openJournal(disk.afterKill().directory, LIMITS, now);
          checkLeft(await readAll(killed), told);
          const off = disk.afterPowerLoss(() => coins.next().value === true);
          checkLeft(await readAll(await openJournal(off.directory, LIMITS, now)), told);
        },
      ),
      { numRuns: runsOf(2000) },
    );
  });

  it("keeps working after a full disk and failed writes, and a power loss after them loses nothing", async () => {
    const fault = fc.record({
      step: fc.nat({ max: 60 }),
      kind: fc.constantFrom<"full" | "failed">("full", "failed"),
      share: fc.double({ min: 0, max: 0.99, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.array(fault, { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(fc.boolean()),
        async (steps, faults, coins) => {
          const opening = 5;
          const disk = simulatedDisk(faults.map((each) => ({ ...each, step: each.step + opening })));
          const told = await work(disk, steps, () => false);
          const left = await openJournal(disk.afterKill().directory, LIMITS, now);
          checkLeft(await readAll(left), told);
          await left.append([record("after")]);
          expect((await readAll(left)).at(-1)).toBe("after");
          const off = disk.afterPowerLoss(() => coins.next().value === true);
          checkLeft(await readAll(await openJournal(off.directory, LIMITS, now)), told);
        },
      ),
      { numRuns: runsOf(1000) },
    );
  });

  it("is refused if a byte of an acknowledged record is missing or wrong, and then no file is changed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 12 }),
        fc.nat(),
        fc.option(fc.nat()),
        async (steps, where, flipped) => {
          const disk = simulatedDisk();
          const told = await work(disk, steps, () => false);
          const segments = disk.names().filter((name) => name !== "position" && disk.content(name).length > 0);
          const name = segments[where % segments.length];
          if (name === undefined) return;
          const content = Buffer.from(disk.content(name));
          const at = where % content.length;
          if (flipped !== null) content[at] = (content[at] ?? 0) ^ (1 << (flipped % 8));
          disk.replace(name, flipped === null ? content.subarray(0, at) : content);
          const before = new Map(disk.names().map((each) => [each, disk.content(each)]));
          try {
            checkLeft(await readAll(await openJournal(disk.directory, LIMITS, now)), told);
          } catch (error) {
            if (!(error instanceof JournalCorrupt)) throw error;
            expect(error.message).toContain("acknowledged");
            expect(new Map(disk.names().map((each) => [each, disk.content(each)]))).toEqual(before);
          }
        },
      ),
      { numRuns: runsOf(1000) },
    );
  });

  it("drops what was torn behind the last acknowledged record, at any byte", async () => {
    const disk = simulatedDisk();
    const journal = await openJournal(disk.directory, { ...LIMITS, segmentBytes: 10_000 }, now);
    await journal.append([record("kept")]);
    const [name = ""] = disk.names().filter((each) => each.endsWith(".segment"));
    const kept = disk.content(name).length;
    const position = disk.content("position");
    await journal.append([record("torn"), record("torn, too")]);
    const whole = disk.content(name);
    for (let size = kept; size < whole.length; size++) {
      const torn = simulatedDisk(
        [],
        new Map([
          [name, whole.subarray(0, size)],
          ["position", position],
        ]),
      );
      const reopened = await openJournal(torn.directory, LIMITS, now);
      expect(await readAll(reopened)).toEqual(["kept"]);
      await reopened.append([record("next")]);
      expect(await readAll(await openJournal(torn.directory, LIMITS, now))).toEqual(["kept", "next"]);
    }
  });

  it("is refused if a file in the middle is damaged, even without its stored position", async () => {
    const disk = simulatedDisk();
    const journal = await openJournal(disk.directory, { ...LIMITS, segmentBytes: 10_000 }, now);
    await journal.append([record("first")]);
    await journal.append([record("second")]);
    const [name = ""] = disk.names().filter((each) => each.endsWith(".segment"));
    const damaged = Buffer.from(disk.content(name));
    damaged[40] = (damaged[40] ?? 0) ^ 1;
    disk.replace(name, damaged);
    disk.replace("position", Buffer.from("not a position"));
    await expect(openJournal(disk.directory, LIMITS, now)).rejects.toThrow(/is damaged at byte 0 of \d+: record 1/);
  });

  it("refuses records beyond its limit, and takes them again once files are removed", async () => {
    const disk = simulatedDisk();
    const journal = await openJournal(disk.directory, { maxBytes: 1_000, segmentBytes: 300 }, now);
    const large = record("x".repeat(400));
    await journal.append([large]);
    await journal.append([large]);
    await expect(journal.append([large])).rejects.toThrow(JournalFull);
    expect(journal.state()).toMatchObject({ depth: 2, trouble: { reason: "limit" } });
    const batch = await journal.read(1);
    if (batch === null) throw new Error("there are records");
    await journal.commit(batch);
    await journal.append([large]);
    expect(journal.state()).toMatchObject({ depth: 2, trouble: null });
  });

  it("refuses appends once it is closed", async () => {
    const journal = await openJournal(simulatedDisk().directory, LIMITS, now);
    await journal.close();
    await expect(journal.append([record("late")])).rejects.toThrow("the journal is closed");
  });
});
