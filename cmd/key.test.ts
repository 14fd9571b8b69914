import { parse } from "@iarna/toml";
import { expect, test } from "vitest";
import { load, problemsOf } from "../internal/config/config.testing.ts";
import { hashKey } from "../internal/http/keys.ts";
import { runHere, runProgram } from "../test/program.ts";

test("prints a key, and the configuration table that allows it", async () => {
  const { out, err, status } = await runProgram(["key", "wallet-app"]);
  expect({ err, status }).toEqual({ err: "", status: 0 });
  const [key = "", ...table] = out.split("\n");
  expect(key).toMatch(/^si_[\w-]{43}$/);
  expect(parse(table.join("\n"))).toEqual({ api: { keys: [{ name: "wallet-app", hash: hashKey(key) }] } });
  expect(load(table.join("\n")).config.api.keys).toEqual([
    { name: "wallet-app", hash: hashKey(key), scopes: ["prices:read"] },
  ]);
  const [other] = (await runHere(["key", "wallet-app"])).out.split("\n");
  expect(other).not.toBe(key);
});

test("prints a table of the control API with --control", async () => {
  const [key = "", ...table] = (await runHere(["key", "collector-1", "--control"])).out.split("\n");
  expect(load(table.join("\n")).config.control.keys).toEqual([
    { name: "collector-1", hash: hashKey(key), tenant: "default", scopes: ["control:read"] },
  ]);
});

test("prints a table of the gateway with --gateway, of which one for events alone is made", async () => {
  const [key = "", ...table] = (await runHere(["key", "shop", "--gateway"])).out.split("\n");
  const shop = { name: "shop", hash: hashKey(key), scopes: ["trades:write"], sources: ["kraken"] };
  expect(load(table.join("\n")).config.gateway.keys).toEqual([shop]);
  const events = table
    .join("\n")
    .replace('"trades:write"]', '"events:write"]')
    .replace(/^sources.*$/m, "");
  expect(load(events).config.gateway.keys).toEqual([{ ...shop, scopes: ["events:write"], sources: [] }]);
  expect(problemsOf(table.join("\n").replace(/^sources.*$/m, ""))).toMatchObject([{ wrong: "is empty" }]);
});

test("refuses a name that the configuration would refuse", async () => {
  for (const name of ["Wallet", "a b", 'x"', ""]) {
    const { out, err, status } = await runHere(["key", name]);
    expect({ out, status }).toEqual({ out: "", status: 2 });
    expect(err).toContain("is not a valid key name");
  }
});
