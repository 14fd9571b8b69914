import { rmSync } from "node:fs";
import { afterAll, expect, it, vi } from "vitest";
import { embeddedDirectory } from "../internal/storage/connection/database.testing.ts";
import { type RunningProgram, runProgram } from "../test/program.ts";
import { START_ENVIRONMENT, startAndFindApi } from "./start.testing.ts";

const running: RunningProgram[] = [];
const directory = embeddedDirectory();
afterAll(async () => {
  for (const program of running) if (program.process.exitCode === null) await program.stop("SIGKILL");
  rmSync(directory, { recursive: true });
});

it("shows live prices of a simulated market, stops on Ctrl-C, and keeps its database in --data", async () => {
  const { program, api } = await startAndFindApi(running, "--data", directory);
  // All of the history is stored before the first request and the first tick.
  expect(program.lines.filter((line) => /history/.test(line))).toEqual([
    expect.stringMatching(/^writing the history of the simulated market: \d+ of \d+ trades$/),
    expect.anything(),
    expect.anything(),
    expect.stringMatching(/^the simulated market has a day of history/),
  ]);
  expect(program.lines.some((line) => line.startsWith("bucket end"))).toBe(false);
  const dayTo = async (at = "") => {
    const answer = await fetch(`${api}/v1/vwap?pair=XLM/USD&window=24h${at}`);
    return ((await answer.json()) as { data: { to: string } }).data;
  };
  const first = await dayTo();
  // A second process reads the same database through the first one.
  const table = await program.line((line) => /^crypto:XLM\/fiat:USD( +\d\S*){5}$/.test(line));
  expect(table).toBeDefined();
  const response = await fetch(`${api}/v1/price?pair=XLM/USD`);
  expect([response.status, await response.json()]).toMatchObject([200, { data: { price_type: "vwap" } }]);
  const computed = await runProgram(["compute", "--pair", "XLM/USD", "--window", "5m"], {
    STELLARINDEX_DATABASE_URL: `pglite:${directory}`,
  });
  expect(computed).toMatchObject({ status: 0, err: "" });
  expect(await dayTo(`&at=${first.to}`)).toEqual(first);
  expect(await program.stop("SIGINT")).toBe(0);
  expect(program.lines.at(-1)).toBe("stopped");

  const again = await startAndFindApi(running, "--data", directory, "--no-market");
  const markets = await (await fetch(`${again.api}/v1/markets`)).json();
  expect(markets).toMatchObject({ data: expect.anything() });
  expect(JSON.stringify(markets)).toContain("crypto:BTC/fiat:EUR");

  // Trades are taken without a key, of this machine only.
  const send = (headers: Record<string, string> = {}) =>
    fetch(`${again.api}/v1/trades`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify({
        ...{ base_asset: "crypto:SOL", quote_asset: "fiat:USD", ts: new Date().toISOString(), source: "kraken" },
        ...{ trade_id: "1", base_amount: "100", quote_amount: "15025" },
      }),
    });
  expect([200, 202]).toContain((await send()).status);
  expect((await send({ Authorization: "Bearer unknown" })).status).toBe(200);
  await vi.waitFor(
    async () => {
      const price = await (await fetch(`${again.api}/v1/price?pair=SOL/USD`)).json();
      expect(price).toMatchObject({ data: { price: "150.25" } });
    },
    { timeout: 60_000, interval: 500 },
  );

  // Commands without a configured database find the running program, which does the job.
  const control = (...args: string[]) =>
    runProgram(["control", "jobs", ...args, "--json"], { TMPDIR: START_ENVIRONMENT.TMPDIR }, directory);
  const submitted = await control("submit", "rollups.verify");
  expect(submitted).toMatchObject({ status: 0, err: "" });
  const { job_id } = JSON.parse(submitted.out) as { job_id: string };
  await vi.waitFor(async () => expect((await control("show", job_id)).out).toContain('"state":"succeeded"'), 30_000);
  expect(await again.program.stop("SIGTERM")).toBe(0);
  expect(await control()).toMatchObject({ status: 2, err: expect.stringContaining("no database is configured") });
});
