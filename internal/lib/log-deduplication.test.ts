import { beforeEach, expect, it } from "vitest";
import { type LogDeduplicator, makeLogDeduplicator } from "./log-deduplication.ts";

let now: number;
let lines: string[];
let repeats: LogDeduplicator;
beforeEach(() => {
  now = 100;
  lines = [];
  repeats = makeLogDeduplicator(() => now);
});

function tell(kind: string): void {
  repeats.log(kind, ({ repeated }) => lines.push(repeated === undefined ? kind : `${kind}, ${repeated} more`));
}

it("logs a kind once a minute, and then how often it came meanwhile", () => {
  tell("down");
  for (now = 101; now < 160; now++) tell("down");
  expect(lines).toEqual(["down"]);
  now = 160;
  tell("down");
  expect(lines).toEqual(["down", "down, 59 more"]);
  now = 220;
  tell("down");
  expect(lines).toEqual(["down", "down, 59 more", "down"]);
});

it("takes kinds for one that differ in numbers only", () => {
  tell("no answer within 8000 ms");
  tell("no answer within 75 ms");
  tell("no answer within two ms");
  expect(lines).toEqual(["no answer within 8000 ms", "no answer within two ms"]);
});

it("forgets the oldest of more than a hundred kinds", () => {
  const kinds = Array.from({ length: 101 }, (_, index) => `kind ${"x".repeat(index)}`);
  for (const kind of kinds) tell(kind);
  lines.length = 0;
  tell(kinds[1] ?? "");
  expect(lines).toEqual([]);
  tell(kinds[0] ?? "");
  expect(lines).toEqual([kinds[0]]);
});
