import { expect, it } from "vitest";
import { makeDurableWrites, NotDurable } from "./durable-writes.ts";
import { JournalFull } from "./journal/errors.ts";
import type { JournalRecord } from "./journal/frame.ts";

const DEADLINES = { database: 60, journal: 60 };

/** Durable writes of texts, whose database and journal answer as a test says. */
function setUp({ journal = true, turn = (): boolean | Promise<boolean> => true } = {}) {
  const parts = {
    database: (async () => []) as (items: readonly string[]) => Promise<string[]>,
    append: async () => {},
    calls: 0,
    abandoned: 0,
    journalled: [] as string[],
  };
  const writes = makeDurableWrites<string, string>(
    (items) => {
      parts.calls++;
      return { outcomes: parts.database(items), abandon: () => void parts.abandoned++ };
    },
    (items) => ({ kind: 1, payload: Buffer.from(items.join()) }),
    journal
      ? {
          append: async (records: readonly JournalRecord[]) => {
            await parts.append();
            parts.journalled.push(...records.map(({ payload }) => Buffer.from(payload).toString()));
          },
        }
      : null,
    turn,
  );
  return { parts, write: (...items: string[]) => writes.write(items, DEADLINES), writes };
}

const ANSWERS = async (items: readonly string[]) => items.map((item) => `${item} stored`);
const fails = (message: string) => async () => {
  throw new Error(message);
};

it("journals what the database does not take, and does not ask it again until it works", async () => {
  const { parts, write, writes } = setUp();
  parts.database = ANSWERS;
  expect(await write("a")).toEqual(["a stored"]);
  parts.database = fails("away");
  expect(await write("b")).toBeNull();
  expect([parts.calls, parts.abandoned, writes.isTrusted()]).toEqual([2, 1, false]);
  parts.database = ANSWERS;
  expect(await write("c")).toBeNull();
  expect(parts.calls).toBe(2);
  expect(parts.journalled).toEqual(["b", "c"]);
  writes.trust();
  expect(await write("d")).toEqual(["d stored"]);
});

it("journals what the database does not answer in time, and trusts it again once it answers after all", async () => {
  const { parts, writes } = setUp();
  let answer = (): void => {};
  parts.database = (items) => new Promise((resolve) => (answer = () => resolve([...items])));
  expect(await writes.write(["slow"], { database: 0.01, journal: 60 })).toBeNull();
  expect(parts.journalled).toEqual(["slow"]);
  expect(writes.isTrusted()).toBe(false);
  answer();
  await expect.poll(writes.isTrusted).toBe(true);
});

it("asks a database that failed before if the journal is full, and says so if neither takes it", async () => {
  const { parts, write } = setUp();
  parts.database = fails("away");
  await write("a");
  parts.append = async () => {
    throw new JournalFull("disk", "the disk is full");
  };
  const error = await write("b").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NotDurable);
  expect(error).toMatchObject({ message: "away; the disk is full", journal: { reason: "disk" } });
  parts.database = ANSWERS;
  expect(await write("c")).toEqual(["c stored"]);
});

it("goes by the database alone where there is no journal", async () => {
  const { parts, write } = setUp({ journal: false });
  parts.database = fails("away");
  await expect(write("a")).rejects.toMatchObject({ name: "NotDurable", journal: null });
  parts.database = ANSWERS;
  expect(await write("b")).toEqual(["b stored"]);
});

it("journals what may not overtake what is in the journal, unless the journal does not take it", async () => {
  let isEmpty: boolean | Promise<boolean> = false;
  const { parts, write } = setUp({ turn: () => isEmpty });
  parts.database = ANSWERS;
  expect(await write("a")).toBeNull();
  expect(parts.calls).toBe(0);
  isEmpty = true;
  expect(await write("b")).toEqual(["b stored"]);
  isEmpty = false;
  parts.append = fails("full");
  expect(await write("c")).toEqual(["c stored"]);
});

it("waits for its turn as long as for the database, and never writes after it has journalled", async () => {
  let come = (_isEmpty: boolean): void => {};
  const { parts, writes } = setUp({ turn: () => new Promise((resolve) => (come = resolve)) });
  parts.database = ANSWERS;
  const written = writes.write(["a"], DEADLINES);
  come(true);
  expect(await written).toEqual(["a stored"]);
  expect(await writes.write(["b"], { database: 0.01, journal: 60 })).toBeNull();
  come(true);
  await new Promise(setImmediate);
  expect([parts.calls, parts.journalled]).toEqual([1, ["b"]]);
});
