import { expect, it } from "vitest";
import { makeJournalTurn } from "./journal-turn.ts";

it("comes once the journal is empty, and not at all where it holds much", async () => {
  let depth = 0;
  const { come, drained } = makeJournalTurn(() => depth);
  expect(come()).toBe(true);
  depth = 10_000;
  expect(come()).toBe(false);
  depth = 2;
  const events: string[] = [];
  const waiting = Promise.all(["a", "b"].map(async (name) => events.push(`${name} ${await come()}`)));
  depth = 1;
  drained();
  await Promise.resolve();
  expect(events).toEqual([]);
  depth = 0;
  drained();
  await waiting;
  expect(events).toEqual(["a true", "b true"]);
});
