import fc from "fast-check";
import { expect, test } from "vitest";
import { makeTurns, TurnMissed } from "./turns.ts";

test("never more than so many run at once, all get their turn in order, and failures give their place up", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.boolean(), { maxLength: 40 }),
      fc.scheduler(),
      async (most, failures, scheduler) => {
        const turns = makeTurns(most, () => 0);
        const begun: number[] = [];
        let running = 0;
        const calls = failures.map((fails, index) =>
          turns.run(async () => {
            begun.push(index);
            running++;
            expect(running).toBeLessThanOrEqual(most);
            await scheduler.schedule(Promise.resolve(), String(index));
            running--;
            if (fails) throw new Error(String(index));
            return index;
          }, 0),
        );
        const settled = Promise.allSettled(calls);
        await scheduler.waitFor(settled);
        expect((await settled).map(({ status }) => status === "rejected")).toEqual(failures);
        expect(begun).toEqual(failures.map((_, index) => index));
      },
    ),
    { numRuns: 50 },
  );
});

test("what waited beyond its deadline is not begun, and keeps nobody waiting", async () => {
  let now = 0;
  const turns = makeTurns(1, () => now);
  let end = (): void => {};
  const first = turns.run(() => new Promise<void>((resolve) => (end = resolve)), 5);
  let begun = 0;
  const late = [1, 2, 3].map(() => turns.run(async () => begun++, 5));
  const inTime = turns.run(async () => "in time", 50);
  now = 10;
  end();
  await first;
  for (const call of late) await expect(call).rejects.toThrow(TurnMissed);
  expect(await inTime).toBe("in time");
  expect(begun).toBe(0);
});
