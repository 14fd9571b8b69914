import { describe, expect, it } from "vitest";
import { DatabaseUnusable } from "./errors.ts";
import { bestOf, type Role, type WantedRoles, wantedRoles } from "./roles.ts";

describe("the server roles that a URL requires", () => {
  it.each<[string, WantedRoles | null]>([
    ["any", null],
    ["read-write", ["primary"]],
    ["primary", ["primary"]],
    ["read-only", ["standby"]],
    ["standby", ["standby"]],
    ["prefer-standby", ["standby", "primary"]],
  ])("are those of target_session_attrs=%s", (value, wanted) => {
    const url = `postgres://one:1,two:2/database?target_session_attrs=${value}`;
    expect(wantedRoles(url)).toEqual({ url: "postgres://one:1,two:2/database", wanted, isExplicit: true });
  });

  it.each([
    ["?target_session_attrs=any&sslmode=require", "?sslmode=require"],
    ["?sslmode=require&target_session_attrs=any", "?sslmode=require"],
    ["?a=1&target_session_attrs=any&b=2", "?a=1&b=2"],
    ["?sslmode=require", "?sslmode=require"],
  ])("are taken out of %s", (parameters, left) => {
    expect(wantedRoles(`postgres://one/database${parameters}`).url).toBe(`postgres://one/database${left}`);
  });

  it("are refused by name if they are unknown", () => {
    expect(() => wantedRoles("postgres://one/database?target_session_attrs=master")).toThrow(DatabaseUnusable);
    expect(() => wantedRoles("postgres://one/database?target_session_attrs=master")).toThrow(
      /target_session_attrs=master; use one of any, /,
    );
  });
});

describe("the server that is connected to", () => {
  it.each<[string, (Role | null)[], WantedRoles, number | null]>([
    ["is the primary, whatever its position in the URL", ["standby", "primary"], ["primary", "standby"], 1],
    ["is a standby without a primary, if that is acceptable", [null, "standby"], ["primary", "standby"], 1],
    ["is none if only the primary is acceptable", [null, "standby"], ["primary"], null],
    ["is the first of several standbys", ["primary", "standby", "standby"], ["standby"], 1],
    ["is the primary if a standby is only preferred", ["primary", null], ["standby", "primary"], 0],
  ])("%s", (_what, roles, wanted, index) => {
    expect(bestOf(roles, wanted)).toBe(index);
  });
});
