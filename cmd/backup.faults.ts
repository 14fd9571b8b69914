import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { embeddedDirectory } from "../internal/storage/connection/database.testing.ts";
import { runHere, runProgram } from "../test/program.ts";

const directory = embeddedDirectory();
const backup = `${directory}-backup`;
afterAll(() => {
  for (const made of [directory, backup]) rmSync(made, { recursive: true, force: true });
});

const on = (url: string) => ({ STELLARINDEX_DATABASE_URL: url, STELLARINDEX_AGGREGATE_MIN_USD_VOLUME: "0" });

it("makes a copy of an embedded database that works like the original", async () => {
  const file = join(directory, "trades.csv");
  writeFileSync(file, "ts,source,pair,price,size,trade_id\n2026-01-01T00:01:00Z,kraken,XLM/USD,0.1,10,a\n");
  expect(await runHere(["import", file], on(`pglite:${directory}`))).toMatchObject({ status: 0 });
  expect(await runProgram(["backup", backup], on(`pglite:${directory}`))).toEqual({
    status: 0,
    out: `copied ${directory} to ${backup}\n`,
    err: "",
  });
  const args = ["compute", "--pair", "XLM/USD", "--window", "5m", "--at", "2026-01-01T00:05:00Z"];
  expect(JSON.parse((await runHere(args, on(`pglite:${backup}`))).out)).toMatchObject({ price: "0.1" });
  expect(await runHere(["backup", backup], on(`pglite:${directory}`))).toMatchObject({
    status: 1,
    err: expect.stringContaining("exists already"),
  });
});

it.each([
  ["pglite:memory", "is not the directory of an embedded database"],
  ["postgres://127.0.0.1/none", "is not the directory of an embedded database"],
  [`pglite:${directory}/none`, "there is no embedded database in"],
])("refuses to copy from %s", async (url, reason) => {
  const { status, err } = await runHere(["backup", `${backup}-none`], on(url));
  expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining(reason) });
});
