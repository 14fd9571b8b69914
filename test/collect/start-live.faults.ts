import { rmSync } from "node:fs";
import { expect, it, onTestFinished, vi } from "vitest";
import { START_ENVIRONMENT } from "../../cmd/start.testing.ts";
import { freePort } from "../../internal/cache/redis/server.testing.ts";
import { embeddedDirectory } from "../../internal/storage/connection/database.testing.ts";
import { openDatabase } from "../../internal/storage/open-database.ts";
import { type Environment, startProgram } from "../program.ts";
import { startKraken } from "../venues/kraken.ts";
import type { StandIn } from "../venues/server.ts";
import { began, connected, PATIENCE, readTrades, started, tablesText } from "./harness.ts";

const MARKET = "XLM/USD";
/** What `start --live` collects where the configuration names no feeds. */
const SOURCES = ["kraken", "coinbase", "bitstamp", "binance", "sdex"];

/** Starts `start --live`, and waits until its API answers. */
async function startLive(environment: Environment, ...args: string[]) {
  const given = { ...START_ENVIRONMENT, STELLARINDEX_CONTROL_FX_URL: "http://127.0.0.1:9/", ...environment };
  const program = startProgram(["start", "--live", ...args], given);
  onTestFinished(async () => void (await program.stop("SIGKILL")));
  const line = await program.line((text) => text.includes("/v1/price?pair=XLM/USD"));
  const api = /http:\/\/[^/]+/.exec(line)?.[0] ?? "";
  const ops = /http:\S+\/metrics/.exec(await program.line((text) => text.endsWith("/metrics")))?.[0] ?? "";
  return { program, api, ops };
}

/** Returns how many connections of a source have failed. */
async function failuresOf(ops: string, source: string): Promise<number> {
  const metrics = await (await fetch(ops)).text();
  const series = `stellarindex_collector_disconnects_total{source="${source}",outcome="failed"}`;
  return Number(
    metrics
      .split("\n")
      .find((line) => line.startsWith(series))
      ?.split(" ")
      .at(-1),
  );
}

it("without a network it says so for every feed and keeps trying, and everything else works", async () => {
  const port = await freePort();
  const nowhere = SOURCES.map((source) => {
    const at = `127.0.0.1:${port}`;
    return { source, live: `${source === "sdex" ? "http" : "ws"}://${at}`, rest: `http://${at}` };
  });
  const { program, api, ops } = await startLive({ STELLARINDEX_COLLECT_ENDPOINTS: tablesText(nowhere) });
  for (const source of SOURCES) {
    await program.line(
      (line) => line.startsWith(`${source}: no trades of ${source}:`) && line.endsWith("; trying again"),
    );
  }
  await vi.waitFor(async () => {
    for (const source of SOURCES) expect(await failuresOf(ops, source)).toBeGreaterThan(2);
  }, PATIENCE);
  expect((await fetch(`${api}/v1/sources`)).status).toBe(200);
  expect(await (await fetch(`${api}/v1/markets`)).json()).toMatchObject({ data: { markets: [] } });
  const coverage = (await (await fetch(`${api}/v1/coverage?pair=XLM/USD`)).json()) as { data: { feeds: object[] } };
  expect(coverage.data.feeds).toContainEqual(expect.objectContaining({ feed: "kraken:XLM-USD", complete_to: null }));
  // The gateway takes trades meanwhile, and ticks go on.
  const sent = await fetch(`${api}/v1/trades`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      ...{ base_asset: "crypto:XLM", quote_asset: "fiat:USD", ts: new Date().toISOString(), source: "kraken" },
      ...{ trade_id: "1", base_amount: "100000", quote_amount: "25000" },
    }),
  });
  expect([200, 202]).toContain(sent.status);
  await vi.waitFor(async () => {
    const price = await (await fetch(`${api}/v1/price?pair=XLM/USD`)).json();
    expect(price).toMatchObject({ data: { price: "0.25" } });
  }, PATIENCE);
  expect(await program.stop("SIGTERM")).toBe(0);
}, 120_000);

it("killed and started again on its directory, it fetches what happened meanwhile", async () => {
  const directory = embeddedDirectory();
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const venue = await started(startKraken);
  const { source, live, rest } = venue;
  const environment = {
    STELLARINDEX_COLLECT_ENDPOINTS: tablesText([{ source, live, rest }]),
    STELLARINDEX_FEEDS: tablesText([{ source, pair: MARKET, start: began() }]),
  };
  const first = await startLive(environment, "--data", directory);
  await connected(venue);
  venue.trade(MARKET, 5);
  await untilCovered(first.api, venue);
  venue.trade(MARKET, 5);
  await first.program.stop("SIGKILL");
  await vi.waitUntil(() => venue.connections() === 0, PATIENCE);
  venue.trade(MARKET, 60);

  const second = await startLive(environment, "--data", directory);
  await connected(venue);
  venue.trade(MARKET, 5);
  await untilCovered(second.api, venue);
  expect(await second.program.stop("SIGTERM")).toBe(0);
  const database = await openDatabase({ url: `pglite:${directory}`, max_connections: 1 });
  try {
    const ids = (await readTrades(database.sql, source)).map(({ id }) => id);
    expect(ids).toEqual(venue.markets.of(MARKET).map(({ number }) => String(number)));
  } finally {
    await database.close();
  }
}, 180_000);

/** Waits until the API says that everything that happened at the venue is stored. */
async function untilCovered(api: string, venue: StandIn): Promise<void> {
  const { ts = 0n } = venue.markets.of(MARKET).at(-1) ?? {};
  await vi.waitFor(
    async () => {
      const response = await fetch(`${api}/v1/coverage?pair=${MARKET}`);
      const { data } = (await response.json()) as { data: { feeds: { complete_to: string | null; gaps: object[] }[] } };
      expect(data.feeds[0]?.gaps).toEqual([]);
      expect(Date.parse(data.feeds[0]?.complete_to ?? "1970")).toBeGreaterThan(Number(ts / 1000n));
    },
    { ...PATIENCE, timeout: 120_000 },
  );
}
