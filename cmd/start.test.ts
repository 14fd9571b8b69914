import { rmSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { embeddedDirectory } from "../internal/storage/database.testing.ts";
import { latestLockFile } from "../internal/storage/embedded/lock-files.ts";
import { type RunningProgram, runProgram, startProgram } from "../test/program.ts";

const environment = {
  STELLARINDEX_API_LISTEN: "127.0.0.1:0",
  STELLARINDEX_API_OPS_LISTEN: "127.0.0.1:0",
  // A cadence of seconds, so that the test sees a tick soon.
  STELLARINDEX_AGGREGATE_INTERVAL_SECONDS: "3",
  STELLARINDEX_AGGREGATE_BUCKET_SECONDS: "3",
  STELLARINDEX_AGGREGATE_SETTLE_SECONDS: "2",
};
const running: RunningProgram[] = [];
const directories = [embeddedDirectory(), embeddedDirectory()] as const;
afterAll(async () => {
  for (const program of running) if (program.process.exitCode === null) await program.stop("SIGKILL");
  for (const directory of directories) rmSync(directory, { recursive: true });
});

async function startAndFindApi(...args: string[]): Promise<{ program: RunningProgram; api: string }> {
  const program = startProgram(["start", ...args], environment);
  running.push(program);
  const line = await program.line((text) => text.includes("/v1/price?pair=XLM/USD"));
  return { program, api: /http:\/\/[^/]+/.exec(line)?.[0] ?? "" };
}

it("shows live prices of a simulated market, stops on Ctrl-C, and keeps its database where it is told", async () => {
  const [data] = directories;
  const { program, api } = await startAndFindApi("--data", data);
  // Before anything can be asked, and before the first tick, all of the history is there.
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
  // Another process prints what is in the same database, through the first one.
  const table = await program.line((line) => /^crypto:XLM\/fiat:USD( +\d\S*){5}$/.test(line));
  expect(table).toBeDefined();
  const response = await fetch(`${api}/v1/price?pair=XLM/USD`);
  expect([response.status, await response.json()]).toMatchObject([200, { data: { price_type: "vwap" } }]);
  const computed = await runProgram(["compute", "--pair", "XLM/USD", "--window", "5m"], {
    STELLARINDEX_DATABASE_URL: `pglite:${data}`,
  });
  expect(computed).toMatchObject({ status: 0, err: "" });
  expect(await dayTo(`&at=${first.to}`)).toEqual(first);
  expect(await program.stop("SIGINT")).toBe(0);
  expect(program.lines.at(-1)).toBe("stopped");

  const again = await startAndFindApi("--data", data, "--no-market");
  const markets = await (await fetch(`${again.api}/v1/markets`)).json();
  expect(markets).toMatchObject({ data: expect.anything() });
  expect(JSON.stringify(markets)).toContain("crypto:BTC/fiat:EUR");
  expect(await again.program.stop("SIGTERM")).toBe(0);
});

it("ends with the reason where its port is taken or its database goes", async () => {
  const { program, api } = await startAndFindApi("--no-market");
  const taken = await runProgram(["start", "--no-market", "--data", directories[0]], {
    ...environment,
    STELLARINDEX_API_LISTEN: api.replace("http://", ""),
  });
  expect(taken).toMatchObject({
    status: 1,
    err: expect.stringContaining(
      "is taken by another process, perhaps one of this program; choose another with listen in [api], or with STELLARINDEX_API_LISTEN\n",
    ),
  });
  await program.stop();

  const [, data] = directories;
  const lost = await startAndFindApi("--no-market", "--data", data);
  process.kill(latestLockFile(data)?.holder?.pid ?? 0, "SIGKILL");
  expect(await lost.program.ended).toBe(1);
});
