import fc from "fast-check";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { formatTime, seconds } from "../canonical/time.ts";
import type { Announcement } from "./keys.ts";
import type { PriceStore, PriceWrite } from "./store.ts";

/** What the contract tests need from an implementation of the store. */
export interface StoreHarness {
  /** Opens a store on the data under a prefix; stores with the same prefix share it. */
  open(prefix: string): PriceStore;
  /** Returns an unused prefix. */
  freshPrefix(): string;
  /** Lets this much time pass, or waits until the condition is met. */
  elapse(ttlSeconds: number, isOver: () => Promise<boolean>): Promise<void>;
  /** The number of runs of the property. */
  readonly runs: number;
  cleanUp(): Promise<void>;
}

const TTL = 300;

function at(step: number): string {
  return formatTime(1_786_312_800_000_000n + seconds(30 * step));
}

function write(key: string, step: number, note = ""): PriceWrite {
  const to = at(step);
  return { key, value: JSON.stringify({ pair: "crypto:XLM/fiat:USD", to, note }), to, ttlSeconds: TTL };
}

/** Defines the contract tests that every store must pass. */
export function describeStore(name: string, harness: StoreHarness): void {
  describe(name, () => {
    const opened: PriceStore[] = [];
    let prefix = "";
    let store: PriceStore;

    function open(under = prefix): PriceStore {
      const another = harness.open(under);
      opened.push(another);
      return another;
    }

    async function listen(to: PriceStore): Promise<Announcement[]> {
      const heard: Announcement[] = [];
      await to.subscribe((announcement) => heard.push(announcement));
      return heard;
    }

    beforeEach(() => {
      prefix = harness.freshPrefix();
      store = open();
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((each) => each.close()));
    });
    afterAll(() => harness.cleanUp());

    test("answers a ping", async () => {
      await store.ping();
    });

    test("reads written values in the order of the keys, and null for missing ones", async () => {
      const writes = [write("a", 1), write("b", 2), write("c", 3)];
      expect(await store.publish(writes)).toEqual(["written", "written", "written"]);
      expect(await store.read(["c", "none", "a", "b", "a"])).toEqual([
        writes[2]?.value,
        null,
        writes[0]?.value,
        writes[1]?.value,
        writes[0]?.value,
      ]);
    });

    test("accepts an empty list of reads and of writes", async () => {
      expect(await store.read([])).toEqual([]);
      expect(await store.publish([])).toEqual([]);
    });

    test("stores any text unchanged", async () => {
      const value = 'Ünïcode 🚀 "quoted" \\ \r\n \u0000 end';
      await store.publish([{ key: "text", value, to: at(1), ttlSeconds: TTL }]);
      expect(await store.read(["text"])).toEqual([value]);
    });

    test("a value expires after its TTL, and a later write renews it", async () => {
      await store.publish([
        { ...write("short", 1), ttlSeconds: 1 },
        { ...write("renewed", 1), ttlSeconds: 1 },
        write("long", 1),
      ]);
      await store.publish([write("renewed", 2)]);
      const read = () => store.read(["short", "renewed", "long"]);
      await harness.elapse(1, async () => (await read())[0] === null);
      expect(await read()).toEqual([null, write("renewed", 2).value, write("long", 1).value]);
    });

    test("an expired value does not supersede an earlier bucket", async () => {
      await store.publish([{ ...write("key", 9), ttlSeconds: 1 }]);
      await harness.elapse(1, async () => (await store.read(["key"]))[0] === null);
      expect(await store.publish([write("key", 1)])).toEqual(["written"]);
    });

    test("an earlier bucket never replaces a later one, from any writer", async () => {
      const other = open();
      await store.publish([write("key", 5, "later")]);
      expect(await other.publish([write("key", 4), write("free", 4)])).toEqual(["superseded", "written"]);
      expect(await store.publish([write("key", 4)])).toEqual(["superseded"]);
      expect(await store.read(["key"])).toEqual([write("key", 5, "later").value]);
    });

    test.each(["2999-01-01T00:00:00Z", "9999-99-99T99:99:99Z"])(
      "a value of a bucket in the future is replaced by any other: %s",
      async (to) => {
        await store.put("key", JSON.stringify({ to }), TTL);
        expect(await store.publish([write("key", 1)])).toEqual(["written"]);
      },
    );

    test("a value of the same bucket is replaced", async () => {
      await store.publish([write("key", 5, "first")]);
      expect(await store.publish([write("key", 5, "again")])).toEqual(["written"]);
      expect(await store.read(["key"])).toEqual([write("key", 5, "again").value]);
    });

    test("the writes of one call are applied in order", async () => {
      expect(await store.publish([write("key", 2), write("key", 1), write("key", 3), write("key", 3, "x")])).toEqual([
        "written",
        "superseded",
        "written",
        "written",
      ]);
      expect(await store.read(["key"])).toEqual([write("key", 3, "x").value]);
    });

    test.each(["", "null", "poison", '{"to":"tomorrow"}', '{"to":99999999999}', '{"to":"9999-99-99"}'])(
      "a stored value without a valid time, %j, is overwritten",
      async (poison) => {
        await store.publish([{ key: "key", value: poison, to: at(9), ttlSeconds: TTL }]);
        expect(await store.read(["key"])).toEqual([poison]);
        expect(await store.publish([write("key", 1)])).toEqual(["written"]);
      },
    );

    test("a write without a valid time or TTL fails without affecting the others", async () => {
      const heard = await listen(store);
      const outcomes = await store.publish([
        write("a", 1),
        { ...write("b", 1), to: "2026-08-09T22:30:00.5Z" },
        { ...write("c", 1), ttlSeconds: 0 },
        { ...write("d", 1), ttlSeconds: 1.5 },
        write("e", 1),
      ]);
      expect(outcomes).toEqual([
        "written",
        expect.objectContaining({ message: expect.stringContaining("b: to") }),
        expect.objectContaining({ message: expect.stringContaining("c: the TTL 0") }),
        expect.objectContaining({ message: expect.stringContaining("d: the TTL 1.5") }),
        "written",
      ]);
      expect(await store.read(["b", "c", "d"])).toEqual([null, null, null]);
      await vi.waitFor(() => expect(heard.map(({ key }) => key)).toEqual(["a", "e"]));
    });

    test("a thousand values are written and read", async () => {
      const writes = Array.from({ length: 1000 }, (_, index) => write(`key-${index}`, index));
      expect(new Set(await store.publish(writes))).toEqual(new Set(["written"]));
      expect(await store.read(writes.map(({ key }) => key))).toEqual(writes.map(({ value }) => value));
    });

    test("every write of any writer is announced, unless it is superseded", async () => {
      const heard = await listen(store);
      await open().publish([write("a", 2), write("b", 2)]);
      await store.publish([write("a", 1), write("a", 2), write("a", 3)]);
      const expected = [
        { key: "a", to: at(2) },
        { key: "b", to: at(2) },
        { key: "a", to: at(2) },
        { key: "a", to: at(3) },
      ];
      await vi.waitFor(() => expect(heard).toEqual(expected));
    });

    test("a value can be read as soon as it is announced", async () => {
      const reader = open();
      const seen = new Promise((resolve) => {
        void reader.subscribe(({ key }) => resolve(reader.read([key]))).then(() => store.publish([write("key", 1)]));
      });
      expect(await seen).toEqual([write("key", 1).value]);
    });

    test("listeners are called asynchronously after the write, and can be removed one by one", async () => {
      const heard: string[] = [];
      const endFirst = await store.subscribe(({ to }) => heard.push(`first ${to}`));
      const endSecond = await store.subscribe(({ to }) => heard.push(`second ${to}`));
      const written = store.publish([write("key", 1)]);
      expect(heard).toEqual([]);
      await written;
      await vi.waitFor(() => expect(heard).toEqual([`first ${at(1)}`, `second ${at(1)}`]));

      await endFirst();
      await endFirst();
      await store.publish([write("key", 2)]);
      await vi.waitFor(() => expect(heard.slice(2)).toEqual([`second ${at(2)}`]));

      await endSecond();
      const third = await listen(store);
      await store.publish([write("key", 3)]);
      await vi.waitFor(() => expect(third).toHaveLength(1));
      expect(heard).toHaveLength(3);
    });

    test("a put stores its text unchanged, and the last put wins", async () => {
      const text = 'Ünïcode 🚀 "quoted" \\ \r\n \u0000 {"to":"2026-08-09T22:30:00Z"}';
      await store.put("put", text, TTL);
      expect(await open().read(["put"])).toEqual([text]);
      await store.put("put", "", TTL);
      expect(await store.read(["put"])).toEqual([""]);
    });

    test("a put text expires after its TTL, and another put renews it", async () => {
      await store.put("short", "text", 1);
      await store.put("renewed", "before", 1);
      await store.put("renewed", "text", TTL);
      const read = () => store.read(["short", "renewed"]);
      await harness.elapse(1, async () => (await read())[0] === null);
      expect(await read()).toEqual([null, "text"]);
    });

    test("readWithTtl returns texts with their remaining TTL", async () => {
      await store.publish([write("a", 1), { ...write("short", 1), ttlSeconds: 2 }]);
      await store.put("put", "text", 60);
      const held = await store.readWithTtl(["put", "none", "a", "short"]);
      expect(held.map((each) => each?.text)).toEqual(["text", undefined, write("a", 1).value, write("short", 1).value]);
      for (const [index, seconds] of [60, 0, TTL, 2].entries()) {
        const remaining = held[index]?.remainingMs ?? 0;
        expect(remaining).toBeLessThanOrEqual(seconds * 1000);
        expect(remaining).toBeGreaterThanOrEqual(Math.max(0, seconds - 2) * 1000);
      }
      expect(await store.readWithTtl([])).toEqual([]);
      await harness.elapse(2, async () => (await store.readWithTtl(["short"]))[0] === null);
    });

    test("a put of any writer is announced to its listeners, and can be read then", async () => {
      const reader = open();
      const seen: unknown[] = [];
      const end = await reader.subscribe(() => {}, {
        onPut: (key) => void reader.read([key]).then(([text]) => seen.push([key, text])),
      });
      await open().put("put", "text", TTL);
      await vi.waitFor(() => expect(seen).toEqual([["put", "text"]]));
      await end();
      await store.put("put", "later", TTL);
      const heard = await listen(store);
      await store.publish([write("key", 1)]);
      await vi.waitFor(() => expect(heard).toHaveLength(1));
      expect(seen).toHaveLength(1);
    });

    test("a subscriber is notified once when the subscription is complete, and when it ends", async () => {
      const [first, second] = [[] as string[], [] as string[]];
      const into = (states: string[]) => ({ onUp: () => states.push("up"), onDown: () => states.push("down") });
      await store.subscribe(() => {}, into(first));
      const endSecond = await store.subscribe(() => {}, into(second));
      await vi.waitFor(() => expect([first, second]).toEqual([["up"], ["up"]]));
      await endSecond();
      await store.close();
      await vi.waitFor(() => expect(first).toEqual(["up", "down"]));
      expect(second).toEqual(["up"]);
    });

    test("a put is not announced as a write, and not visible under other prefixes", async () => {
      const other = open(harness.freshPrefix());
      const [heard, heardByOther] = [await listen(store), await listen(other)];
      await store.put("put", "text", TTL);
      expect(await other.read(["put"])).toEqual([null]);
      // An announcement of it would have arrived before these.
      await store.publish([write("key", 1)]);
      await other.publish([write("key", 1)]);
      await vi.waitFor(() => expect([heard.length, heardByOther.length]).toEqual([1, 1]));
      expect([...heard, ...heardByOther].map(({ key }) => key)).toEqual(["key", "key"]);
    });

    test.each([0, -1, 1.5, Number.NaN])(
      "a put with a TTL of %s seconds fails and keeps the previous text",
      async (ttl) => {
        await store.put("put", "before", TTL);
        await expect(store.put("put", "text", ttl)).rejects.toThrow(`put: the TTL ${ttl} is not`);
        expect(await store.read(["put"])).toEqual(["before"]);
      },
    );

    describe("the marker beside a value", () => {
      const marked = (step: number): PriceWrite => ({ ...write("key", step), provenance: "triangulated" });
      const read = () => store.read(["key", "key:provenance"]);

      test("contains the provenance, and is removed by a later value without one", async () => {
        await store.publish([marked(1), write("other", 1)]);
        expect(await read()).toEqual([write("key", 1).value, "triangulated"]);
        expect(await store.read(["other:provenance"])).toEqual([null]);
        expect(await store.publish([write("key", 2)])).toEqual(["written"]);
        expect(await read()).toEqual([write("key", 2).value, null]);
        expect(await store.publish([marked(2)])).toEqual(["written"]);
        expect(await read()).toEqual([write("key", 2).value, "triangulated"]);
      });

      test("expires with the value", async () => {
        const long = { ...marked(1), key: "long" };
        await store.publish([{ ...marked(1), ttlSeconds: 1 }, { ...long, ttlSeconds: 1 }, long]);
        await harness.elapse(1, async () => (await read()).every((text) => text === null));
        expect(await store.read(["long", "long:provenance"])).toEqual([long.value, "triangulated"]);
      });

      test("does not change if a write is superseded or refused", async () => {
        const refused = { to: "soon" };
        await store.publish([marked(5)]);
        expect(await store.publish([write("key", 4), { ...write("key", 6), ...refused }])).toEqual([
          "superseded",
          expect.any(Error),
        ]);
        expect(await read()).toEqual([write("key", 5).value, "triangulated"]);
        await store.publish([write("key", 6)]);
        expect(await store.publish([marked(5), { ...marked(7), ...refused }])).toEqual([
          "superseded",
          expect.any(Error),
        ]);
        expect(await read()).toEqual([write("key", 6).value, null]);
      });

      test("is not announced", async () => {
        const heard = await listen(store);
        await store.publish([marked(1), write("key", 2)]);
        await vi.waitFor(() => expect(heard).toHaveLength(2));
        expect(heard.map(({ key }) => key)).toEqual(["key", "key"]);
      });
    });

    test("stores with different prefixes are independent", async () => {
      const other = open(harness.freshPrefix());
      const [heard, heardByOther] = [await listen(store), await listen(other)];
      await store.publish([write("key", 9, "mine")]);
      expect(await other.read(["key"])).toEqual([null]);
      expect(await other.publish([write("key", 1, "other")])).toEqual(["written"]);
      expect(await store.read(["key"])).toEqual([write("key", 9, "mine").value]);
      await vi.waitFor(() =>
        expect([heard, heardByOther]).toEqual([[{ key: "key", to: at(9) }], [{ key: "key", to: at(1) }]]),
      );
    });

    test("two concurrent writers, in any interleaving, never replace a later bucket with an earlier one", async () => {
      const batch = fc.array(fc.record({ key: fc.integer({ max: 2, min: 0 }), step: fc.nat(20) }), { maxLength: 8 });
      const turns = fc.array(fc.record({ writer: fc.nat(1), batch, pause: fc.boolean() }), { maxLength: 12 });
      const writers = [store, open()];
      const heard = await listen(open());
      let round = 0;
      await fc.assert(
        fc.asyncProperty(turns, async (plan) => {
          round++;
          const pending: Promise<unknown>[] = [];
          const all: PriceWrite[] = [];
          for (const [turn, { writer, batch, pause }] of plan.entries()) {
            const writes = batch.map(({ key, step }) => write(`${round}-${key}`, step, `${turn} by ${writer}`));
            all.push(...writes);
            const published = writers[writer]?.publish(writes);
            pending.push(
              Promise.resolve(published).then((outcomes) => {
                for (const outcome of outcomes ?? []) expect(["written", "superseded"]).toContain(outcome);
              }),
            );
            if (pause) await published;
          }
          await Promise.all(pending);
          const keys = [...new Set(all.map(({ key }) => key))];
          const values = await store.read(keys);
          for (const [index, key] of keys.entries()) {
            const last = latest(all.filter((each) => each.key === key).map(({ to }) => to));
            expect((JSON.parse(values[index] ?? "{}") as { to: string }).to).toBe(last);
            await vi.waitFor(() => expect(heardOf(heard, key).at(-1)).toBe(last));
            expect(heardOf(heard, key)).toEqual(heardOf(heard, key).toSorted());
          }
        }),
        { numRuns: harness.runs },
      );
    });

    test("a closed store completes calls in flight, refuses new ones, and can be closed again", async () => {
      const end = await store.subscribe(() => {});
      // A call that still waits for a connection is not in flight.
      await store.ping();
      const last = store.publish([write("key", 1)]);
      await store.close();
      expect(await last).toEqual(["written"]);
      await store.close();
      await end();
      await expect(store.ping()).rejects.toThrow("the store is closed");
      await expect(store.read(["key"])).rejects.toThrow("the store is closed");
      await expect(store.readWithTtl(["key"])).rejects.toThrow("the store is closed");
      await expect(store.put("key", "text", TTL)).rejects.toThrow("the store is closed");
      await expect(store.subscribe(() => {})).rejects.toThrow("the store is closed");
      expect(await store.publish([write("key", 2)])).toEqual([
        expect.objectContaining({ message: expect.stringContaining("the store is closed") }),
      ]);
    });
  });
}

function latest(times: readonly string[]): string {
  return times.toSorted().at(-1) ?? "";
}

function heardOf(heard: readonly Announcement[], key: string): string[] {
  return heard.filter((each) => each.key === key).map(({ to }) => to);
}
