import { describe, expect, it } from "vitest";
import { openCommandDatabase, type TestEngine, testEngines } from "../internal/storage/connection/database.testing.ts";
import { runHere } from "../test/program.ts";
import { enginesOf } from "../test/thoroughness.ts";

const environment = { STELLARINDEX_DATABASE_URL: "pglite:memory" };
const range = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T01:00:00Z"];

describe("a known code in different case is refused", () => {
  it.each([
    [["compute", "--window", "5m", "--pair", "xlm/USD"], '--pair: asset "xlm" is not known; did you mean XLM?\n'],
    [["backfill", ...range, "--out", "x.csv", "--pairs", "crypto:btc/USD"], "--pairs: asset "],
    [["rollups", "verify", "--pair", "NATIVE/USD"], '--pair: asset "NATIVE" is not known; did you mean native?\n'],
    [["trades", "delete", ...range, "--yes", "--pair", "XLM/usd"], "did you mean USD?\n"],
  ])("%j", async (args, message) => {
    const { status, err } = await runHere(args, environment);
    expect(status).toBe(2);
    expect(err).toContain(message);
  });
});

describe("a configured asset in different case is refused", () => {
  it.each([
    [["compute", "--window", "5m", "--pair", "foo/USD"], '--pair: asset "foo" is not known; did you mean FOO?\n'],
    [["backfill", ...range, "--out", "x.csv", "--pairs", "FOO/USD,crypto:Foo/EUR"], "did you mean crypto:FOO?\n"],
  ])("%j", async (args, message) => {
    const { status, err } = await runHere(args, { ...environment, STELLARINDEX_AGGREGATE_PAIRS: "FOO/USD" });
    expect(status).toBe(2);
    expect(err).toContain(message);
  });
});

it("trades delete accepts a misspelt code, since trades may be stored under it", async () => {
  const [engine] = enginesOf(testEngines);
  const { url, drop } = await openCommandDatabase(engine as TestEngine);
  const args = ["trades", "delete", ...range, "--yes", "--pair", "crypto:xrp/crypto:eth"];
  expect(await runHere(args, { STELLARINDEX_DATABASE_URL: url })).toMatchObject({
    status: 1,
    err: expect.stringContaining("no trade of the pair in this period"),
  });
  await drop();
});
