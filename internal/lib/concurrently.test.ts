import fc from "fast-check";
import { expect, it } from "vitest";
import { concurrently } from "./concurrently.ts";

const NEVER = new AbortController().signal;

it("works on every item once, in order of start, and on no more at once than the limit", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.nat(20), fc.scheduler(), async (limit, count, scheduler) => {
      const items = Array.from({ length: count }, (_, index) => index);
      const begun: number[] = [];
      let running = 0;
      let most = 0;
      const done = concurrently(items, limit, NEVER, async (item) => {
        begun.push(item);
        most = Math.max(most, ++running);
        await scheduler.schedule(Promise.resolve());
        running--;
      });
      await scheduler.waitFor(done);
      expect(begun).toEqual(items);
      expect([most, running]).toEqual([Math.min(limit, count), 0]);
    }),
  );
});

it("starts nothing more after a failure, waits for what runs, and throws the first", async () => {
  const begun: string[] = [];
  const ended: string[] = [];
  let goOn = (): void => {};
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const done = concurrently(["slow", "fails", "later"], 2, NEVER, async (item) => {
    begun.push(item);
    if (item === "fails") throw new Error(item);
    await held;
    ended.push(item);
    throw new Error("second");
  });
  let isOver = false;
  const over = done.finally(() => {
    isOver = true;
  });
  await new Promise(setImmediate);
  expect([begun, isOver]).toEqual([["slow", "fails"], false]);
  goOn();
  await expect(over).rejects.toThrow("fails");
  expect([begun, ended]).toEqual([["slow", "fails"], ["slow"]]);
});

it("starts nothing more after an abort", async () => {
  const leaving = new AbortController();
  const begun: number[] = [];
  await concurrently([1, 2, 3], 1, leaving.signal, async (item) => {
    begun.push(item);
    leaving.abort();
  });
  expect(begun).toEqual([1]);
});
