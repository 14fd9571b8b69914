import { expect, it } from "vitest";
import { withIncluded } from "./scopes.ts";

it.each([
  [["control:read"], ["control:read"]],
  [["control:operate"], ["control:operate", "control:read"]],
  [
    ["jobs:work", "control:admin"],
    ["control:admin", "control:operate", "control:read", "jobs:work"],
  ],
  [["jobs:work"], ["jobs:work"]],
] as const)("%j includes %j", (given, expected) => {
  expect(withIncluded(given)).toEqual(expected);
});
