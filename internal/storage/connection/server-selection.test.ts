import { afterEach, expect, it } from "vitest";
import type { ServerState, WantedRoles } from "./roles.ts";
import { type ServerSelection, selectServer } from "./server-selection.ts";

const STANDBY: ServerState = { role: "standby", timeline: 0 };
const primaryOf = (timeline: number): ServerState => ({ role: "primary", timeline });
const AWAY = new Error("does not answer");

const choices: ServerSelection[] = [];
afterEach(() => {
  for (const choice of choices.splice(0)) choice.stop();
});

/** Selects among servers a, b, c, … with these states, until they are changed. */
function choose(wanted: WantedRoles | null, said: (ServerState | Error | null)[]): ServerSelection {
  const choice = selectServer({
    names: [..."abcdef"].slice(0, said.length),
    wanted,
    ask: async (index) => {
      const answer = said[index] ?? null;
      if (answer === null) return new Promise(() => {});
      if (answer instanceof Error) throw answer;
      return answer;
    },
    onBetter: () => {},
  });
  choices.push(choice);
  return choice;
}

it.each<[string, WantedRoles | null, (ServerState | Error | null)[], number]>([
  ["the primary of the newest timeline", ["primary"], [primaryOf(2), primaryOf(10), primaryOf(9)], 1],
  ["any except a primary of an earlier timeline", null, [primaryOf(1), primaryOf(2)], 1],
  ["the first if any is acceptable", null, [STANDBY, primaryOf(2)], 0],
  ["a primary with an unknown timeline", ["primary", "standby"], [STANDBY, primaryOf(0)], 1],
  ["one that answers, although others never do", null, [null, AWAY, STANDBY], 2],
  ["the best that answers, although others never do", ["primary", "standby"], [null, STANDBY, primaryOf(1)], 2],
])("selects %s", async (_what, wanted, said, index) => {
  expect(await choose(wanted, said).current()).toBe(index);
});

it("does not return to the primary of an earlier timeline after a failover", async () => {
  const said: (ServerState | Error)[] = [AWAY, primaryOf(2)];
  const choice = choose(["primary"], said);
  expect(await choice.current()).toBe(1);
  said.splice(0, 2, primaryOf(1), AWAY);
  choice.lost(1);
  await expect(choice.current()).rejects.toThrow(
    "none of the servers is a primary: a was the primary before a failover (timeline 1, the newest is 2); b does not answer",
  );
  // As a standby of the new primary it may be selected like any other.
  said.splice(0, 2, STANDBY, primaryOf(2));
  expect(await choice.current()).toBe(1);
});
