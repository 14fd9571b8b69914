import fc from "fast-check";
import { expect, test } from "vitest";
import { DeadlineExceeded, makeSemaphore, QueueFull } from "./semaphore.ts";

test("at most the given number run at once, all run in order, and a failure frees its slot", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.boolean(), { maxLength: 40 }),
      fc.scheduler(),
      async (most, failures, scheduler) => {
        const turns = makeSemaphore(most, () => 0);
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

test("a caller that waited beyond its deadline does not run and does not block others", async () => {
  let now = 0;
  const turns = makeSemaphore(1, () => now);
  let end = (): void => {};
  const first = turns.run(() => new Promise<void>((resolve) => (end = resolve)), 5);
  let begun = 0;
  const late = [1, 2, 3].map(() => turns.run(async () => begun++, 5));
  const inTime = turns.run(async () => "in time", 50);
  now = 10;
  end();
  await first;
  for (const call of late) await expect(call).rejects.toThrow(DeadlineExceeded);
  expect(await inTime).toBe("in time");
  expect(begun).toBe(0);
});

test("a group of clients has its share at most, also where permits are free, and its clients are served in turn", async () => {
  const turns = makeSemaphore(
    3,
    () => 0,
    () => 100,
    2,
  );
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const ask = (what: string, client: string, group: string) =>
    turns.run(
      () => {
        begun.push(what);
        return new Promise<void>((resolve) => ends.set(what, resolve));
      },
      5,
      client,
      group,
    );
  const calls = [
    ask("a1", "a", "g"),
    ask("a2", "a", "g"),
    ask("a3", "a", "g"),
    ask("a4", "a", "g"),
    ask("b1", "b", "g"),
  ];
  expect(begun).toEqual(["a1", "a2"]);
  calls.push(ask("c1", "c", "h"), ask("c2", "c", "h"));
  expect(begun).toEqual(["a1", "a2", "c1"]);
  for (const [index, what] of ["c1", "a1", "a2", "a3", "b1", "c2", "a4"].entries()) {
    await expect.poll(() => begun.length).toBeGreaterThan(index);
    ends.get(what)?.();
  }
  await Promise.all(calls);
  expect(begun).toEqual(["a1", "a2", "c1", "c2", "a3", "b1", "a4"]);
});

/** A semaphore whose only slot is taken, and the callers that start when it is freed. */
function withOneTaken(mostWaiting: number, now = () => 0) {
  const turns = makeSemaphore(1, now, () => mostWaiting);
  const begun: string[] = [];
  let end = (): void => {};
  const first = turns.run(() => new Promise<void>((resolve) => (end = resolve)), 5);
  const ask = (client: string, what: string, deadline = 5) =>
    turns.run(async () => void begun.push(what), deadline, client).catch((error: Error) => error.name);
  const endFirst = (): Promise<void> => {
    end();
    return first;
  };
  return { ask, begun, endFirst };
}

test("clients alternate, however many calls one of them makes", async () => {
  const { ask, begun, endFirst } = withOneTaken(100);
  const calls = [..."12345"].map((which) => ask("greedy", `greedy ${which}`));
  calls.push(ask("modest", "modest 1"), ask("other", "other 1"), ask("modest", "modest 2"));
  await endFirst();
  await Promise.all(calls);
  expect(begun).toEqual([
    ...["greedy 1", "modest 1", "other 1", "greedy 2", "modest 2", "greedy 3", "greedy 4", "greedy 5"],
  ]);
});

test("if the queue is full, a call of the client with the most waiting calls is dropped", async () => {
  const { ask, begun, endFirst } = withOneTaken(3);
  const greedy = [1, 2, 3, 4].map((which) => ask("greedy", `greedy ${which}`));
  expect(await greedy[3]).toBe(QueueFull.name);
  const others = [ask("modest", "modest 1"), ask("other", "other 1")];
  expect(await greedy[2]).toBe(QueueFull.name);
  expect(await greedy[1]).toBe(QueueFull.name);
  expect(await ask("fourth", "fourth 1")).toBe(QueueFull.name);
  await endFirst();
  await Promise.all([...greedy, ...others]);
  expect(begun).toEqual(["greedy 1", "modest 1", "other 1"]);
});

test("a waiting call past its deadline is dropped in favour of a new one", async () => {
  let now = 0;
  const { ask, begun, endFirst } = withOneTaken(2, () => now);
  const late = [ask("a", "late"), ask("a", "late")];
  now = 10;
  const inTime = ask("a", "in time", 50);
  expect(await Promise.all(late)).toEqual([DeadlineExceeded.name, DeadlineExceeded.name]);
  await endFirst();
  await inTime;
  expect(begun).toEqual(["in time"]);
});
