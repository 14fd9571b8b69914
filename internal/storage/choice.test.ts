import { afterEach, expect, it } from "vitest";
import { type Choice, chooseServer } from "./choice.ts";
import type { Standing, Wanted } from "./roles.ts";

const STANDBY: Standing = { role: "standby", timeline: 0 };
const primaryOf = (timeline: number): Standing => ({ role: "primary", timeline });
const AWAY = new Error("does not answer");

const choices: Choice[] = [];
afterEach(() => {
  for (const choice of choices.splice(0)) choice.stop();
});

/** Of servers a, b, c, … that say this until it is changed. */
function choose(wanted: Wanted | null, said: (Standing | Error | null)[]): Choice {
  const choice = chooseServer({
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

it.each<[string, Wanted | null, (Standing | Error | null)[], number]>([
  ["the primary of the newest timeline", ["primary"], [primaryOf(2), primaryOf(10), primaryOf(9)], 1],
  ["any but a primary that was left behind", null, [primaryOf(1), primaryOf(2)], 1],
  ["the first where any will do", null, [STANDBY, primaryOf(2)], 0],
  ["a primary whose timeline is not known", ["primary", "standby"], [STANDBY, primaryOf(0)], 1],
  ["one that answers, though others never do", null, [null, AWAY, STANDBY], 2],
  ["the best that answers, though others never do", ["primary", "standby"], [null, STANDBY, primaryOf(1)], 2],
])("chooses %s", async (_what, wanted, said, index) => {
  expect(await choose(wanted, said).current()).toBe(index);
});

it("does not return to a primary that was left behind, once another was seen", async () => {
  const said: (Standing | Error)[] = [AWAY, primaryOf(2)];
  const choice = choose(["primary"], said);
  expect(await choice.current()).toBe(1);
  said.splice(0, 2, primaryOf(1), AWAY);
  choice.lost(1);
  await expect(choice.current()).rejects.toThrow(
    "none of the servers is a primary: a was the primary before a failover (timeline 1, and there is a primary of 2); b does not answer",
  );
  // As a standby of the new primary it may be chosen like every other.
  said.splice(0, 2, STANDBY, primaryOf(2));
  expect(await choice.current()).toBe(1);
});
