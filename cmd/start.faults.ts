import { rmSync } from "node:fs";
import { afterAll, expect, it, vi } from "vitest";
import { embeddedDirectory } from "../internal/storage/connection/database.testing.ts";
import { latestLockFile } from "../internal/storage/embedded/lock-files.ts";
import { type RunningProgram, runProgram } from "../test/program.ts";
import { START_ENVIRONMENT, startAndFindApi } from "./start.testing.ts";

const running: RunningProgram[] = [];
const directories = [embeddedDirectory(), embeddedDirectory(), embeddedDirectory()] as const;
afterAll(async () => {
  for (const program of running) if (program.process.exitCode === null) await program.stop("SIGKILL");
  for (const directory of directories) rmSync(directory, { recursive: true });
});

it("exits with the reason if its port is in use or its database is lost", async () => {
  const { program, api } = await startAndFindApi(running, "--no-market");
  const taken = await runProgram(["start", "--no-market", "--data", directories[0]], {
    ...START_ENVIRONMENT,
    STELLARINDEX_API_LISTEN: api.replace("http://", ""),
  });
  expect(taken).toMatchObject({
    status: 1,
    err: expect.stringContaining(
      "is already in use, perhaps by another process of this program; set another one with listen in [api], or with STELLARINDEX_API_LISTEN\n",
    ),
  });
  await program.stop();

  const [, data] = directories;
  const lost = await startAndFindApi(running, "--no-market", "--data", data);
  process.kill(latestLockFile(data)?.holder?.pid ?? 0, "SIGKILL");
  expect(await lost.program.ended).toBe(1);
});

it("shows live prices of a simulated market, stops on Ctrl-C, and keeps its database in --data", async () => {
  const directory = directories[2];
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
  expect([200, 202]).toContain((await send({ Authorization: "Bearer unknown" })).status);
  await vi.waitFor(
    async () => {
      const price = await (await fetch(`${again.api}/v1/price?pair=SOL/USD`)).json();
      expect(price).toMatchObject({ data: { price: "150.25" } });
    },
    { timeout: 60_000, interval: 500 },
  );

  // Events, too; where they are, a command without a configured database asks the running program.
  const posted = await fetch(`${again.api}/v1/events`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: '{"id":"a/1"}',
  });
  expect([200, 202]).toContain(posted.status);
  await vi.waitFor(
    async () => {
      const shown = await runProgram(["events", "show", "a/1"], { TMPDIR: START_ENVIRONMENT.TMPDIR }, directory);
      expect(shown).toMatchObject({ status: 0, out: expect.stringMatching(/^event a\/1 of \(none\): event.posted\n/) });
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
  // Both servers have metrics of their own, and the ledger has its.
  const ops = /http:\S+\/metrics/.exec(again.program.lines.join("\n"))?.[0] ?? "";
  await vi.waitFor(async () => {
    const metrics = await (await fetch(ops)).text();
    expect(metrics).toMatch(/^stellarindex_control_jobs_ended_total\{state="succeeded"\} [1-9]/m);
    expect(metrics).toMatch(/^stellarindex_control_requests_total\{route="\/control\/v1\/jobs"/m);
    expect(metrics).toMatch(/^stellarindex_api_requests_total\{route="\/v1\/markets"/m);
    expect(metrics).not.toMatch(/^stellarindex_api_\S*control/m);
  }, 20_000);
  expect(await again.program.stop("SIGTERM")).toBe(0);
  expect(await control()).toMatchObject({ status: 2, err: expect.stringContaining("no database is configured") });
});
