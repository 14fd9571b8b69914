import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { formatTime, type Micros, seconds } from "../../canonical/time.ts";
import { openMemoryStore } from "../memory/store.ts";
import type { PriceStore } from "../store.ts";
import { type LocalCopies, MAX_COPY_SECONDS, makeLocalCopies } from "./local-copies.ts";

const START = 1_786_312_800_000_000n;

interface World {
  readonly store: PriceStore;
  readonly copies: LocalCopies;
  /** The reads that reached the store. */
  readonly reads: string[];
  readonly pass: (secondsLater: number) => void;
  readonly write: (key: string, step: number, ttlSeconds?: number) => Promise<string>;
}

/** Local copies of a store; both use one clock that only the test advances. */
async function openWorld(): Promise<World> {
  let now: Micros = START;
  const store = openMemoryStore(() => now);
  const reads: string[] = [];
  const counted: PriceStore = {
    ...store,
    readWithTtl: (keys) => {
      reads.push(keys.join(" "));
      return store.readWithTtl(keys);
    },
  };
  const states: boolean[] = [];
  const copies = makeLocalCopies(
    counted,
    () => Number(now) / 1e6,
    (isFollowing) => states.push(isFollowing),
  );
  await vi.waitFor(() => expect(states).toEqual([true]));
  return {
    store,
    copies,
    reads,
    pass: (secondsLater) => {
      now += seconds(secondsLater);
    },
    write: async (key, step, ttlSeconds = 300) => {
      const to = formatTime(START + seconds(30 * step));
      const value = `{"to":"${to}"}`;
      expect(await store.publish([{ key, value, to, ttlSeconds }])).toEqual(["written"]);
      return value;
    },
  };
}

test("a value that was read is served from its copy until the next announcement", async () => {
  const { copies, reads, write, store } = await openWorld();
  const first = await write("a", 1);
  const asked = copies.read(["a", "none"]);
  expect(asked).toBeInstanceOf(Promise);
  expect(await asked).toEqual([first, null]);
  expect(copies.read(["a", "none"])).toEqual([first, null]);
  expect(copies.read(["none"])).toEqual([null]);

  const second = await write("a", 2);
  await store.put("none", "text", 60);
  expect(await copies.read(["a", "none"])).toEqual([second, "text"]);
  expect(copies.read(["none", "a"])).toEqual(["text", second]);
  expect(reads).toEqual(["a none", "a none"]);
});

test("concurrent reads of the same key share one read of the store", async () => {
  const { copies, reads, write } = await openWorld();
  const value = await write("a", 1);
  const asked = Array.from({ length: 100 }, () => copies.read(["a"]));
  expect(new Set(await Promise.all(asked))).toEqual(new Set([[value]]));
  expect(reads).toEqual(["a"]);
});

test("a copy expires with its text in the store", async () => {
  const { copies, write, pass } = await openWorld();
  const value = await write("a", 1, 3);
  pass(1);
  await copies.read(["a"]);
  pass(1);
  expect(copies.read(["a"])).toEqual([value]);
  pass(1);
  expect(await copies.read(["a"])).toEqual([null]);
});

test("a copy is used for a few seconds at most, since not everything is announced", async () => {
  const { copies, reads, write, pass } = await openWorld();
  await write("a", 1);
  await copies.read(["a", "none"]);
  pass(MAX_COPY_SECONDS - 1);
  expect(copies.read(["a", "none"])).not.toBeInstanceOf(Promise);
  pass(1);
  await copies.read(["a", "none"]);
  expect(reads).toHaveLength(2);
});

test("a read is repeated if the subscription was lost and restored during it", async () => {
  let others: Parameters<PriceStore["subscribe"]>[1];
  let held = "before";
  let answer = (): void => {};
  const copies = makeLocalCopies(
    {
      readWithTtl: async () => {
        const text = held;
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return [{ text, remainingMs: 1000 }];
      },
      subscribe: async (_onWrite, given) => {
        others = given;
        return async () => {};
      },
    },
    () => 0,
  );
  others?.onUp?.();
  const asked = copies.read(["key"]);
  others?.onDown?.();
  held = "written meanwhile";
  others?.onUp?.();
  answer();
  await nextTurn();
  answer();
  expect(await asked).toEqual(["written meanwhile"]);
  expect(copies.read(["key"])).toEqual(["written meanwhile"]);
});

test("reading a closed store fails with its error", async () => {
  const { copies, write, store } = await openWorld();
  await write("a", 1);
  await copies.read(["a"]);
  await store.close();
  await expect(copies.read(["a"])).rejects.toThrow("the store is closed");
});

test("without a subscription every value is read from the store, and subscribing is retried", async () => {
  const { store, reads, write } = await openWorld();
  let refusals = 2;
  const heard: boolean[] = [];
  const copies = makeLocalCopies(
    {
      ...store,
      subscribe: async (onWrite, others) => {
        if (refusals-- > 0) throw new Error("away");
        return store.subscribe(onWrite, others);
      },
    },
    () => 0,
    (isFollowing) => heard.push(isFollowing),
  );
  const value = await write("a", 1);
  for (let asked = 0; heard.length === 0; asked++) {
    expect(asked).toBeLessThan(10);
    const answer = copies.read(["a"]);
    expect(answer).toBeInstanceOf(Promise);
    expect(await answer).toEqual([value]);
  }
  expect(heard).toEqual([true]);
  await copies.read(["a"]);
  expect(copies.read(["a"])).toEqual([value]);
  expect(reads).toEqual([]);
});

describe("in any interleaving of reads, writes, messages and subscription losses", () => {
  const step = fc.constantFrom("ask", "write", "lose", "travel", "travel");

  test("no answer is older than an announcement that has arrived, nor than the read without a subscription", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.scheduler(), async (steps, scheduler) => {
        // A store of one number: a read returns the number at the time when it arrives, some time later.
        let held = 0;
        let heldAtUp = 0;
        let arrived = 0;
        let isUp = false;
        let connection = 0;
        let listener: Parameters<PriceStore["subscribe"]> | undefined;
        const setUp = (next: boolean) => {
          isUp = next;
          connection++;
          // Writes before the subscription are not announced; a subscriber must see them nevertheless.
          if (next) heldAtUp = held;
          if (next) listener?.[1]?.onUp?.();
          else listener?.[1]?.onDown?.();
        };
        const write = () => {
          const value = ++held;
          const on = connection;
          if (!isUp) return;
          void scheduler.schedule(Promise.resolve(), "a message travels").then(() => {
            if (connection !== on) return;
            arrived = Math.max(arrived, value);
            listener?.[0]({ key: "key", to: String(value) });
          });
        };
        const copies = makeLocalCopies(
          {
            readWithTtl: async () => {
              await scheduler.schedule(Promise.resolve(), "a question travels");
              const text = String(held);
              await scheduler.schedule(Promise.resolve(), "an answer travels");
              return [{ text, remainingMs: 1e9 }];
            },
            subscribe: async (...given) => {
              listener = given;
              return async () => {};
            },
          },
          () => 0,
        );
        setUp(true);
        const asked: unknown[] = [];
        const ask = () => {
          // Without messages, an answer is not older than its read.
          const atLeast = isUp ? heldAtUp : held;
          const check = ([text]: readonly (string | null)[]) =>
            expect(Number(text)).toBeGreaterThanOrEqual(Math.max(atLeast, arrived));
          const answer = copies.read(["key"]);
          asked.push(answer instanceof Promise ? answer.then(check) : check(answer));
        };
        for (const does of steps) {
          if (does === "write") write();
          else if (does === "ask") ask();
          else if (does === "lose") setUp(!isUp);
          else if (scheduler.count() > 0) await scheduler.waitOne();
          // Each network message arrives in its own turn of the event loop.
          await nextTurn();
        }
        await scheduler.waitIdle();
        await Promise.all(asked);
      }),
      { numRuns: 2000 },
    );
  });
});
