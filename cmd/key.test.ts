import { parse } from "@iarna/toml";
import { expect, test } from "vitest";
import { hashKey } from "../internal/api/front/keys.ts";
import { load } from "../internal/config/config.testing.ts";
import { runProgram } from "../test/program.ts";

test("makes a key, and the table that lets it in", async () => {
  const { out, err, status } = await runProgram(["key", "wallet-app"]);
  expect({ err, status }).toEqual({ err: "", status: 0 });
  const [key = "", ...table] = out.split("\n");
  expect(key).toMatch(/^si_[\w-]{43}$/);
  expect(parse(table.join("\n"))).toEqual({ api: { keys: [{ name: "wallet-app", hash: hashKey(key) }] } });
  expect(load(table.join("\n")).config.api.keys).toEqual([{ name: "wallet-app", hash: hashKey(key) }]);
  const [other] = (await runProgram(["key", "wallet-app"])).out.split("\n");
  expect(other).not.toBe(key);
});

test("a name that the configuration would not take is refused", async () => {
  for (const name of ["Wallet", "a b", 'x"', ""]) {
    const { out, err, status } = await runProgram(["key", name]);
    expect({ out, status }).toEqual({ out: "", status: 2 });
    expect(err).toContain("is no name of a key");
  }
});
