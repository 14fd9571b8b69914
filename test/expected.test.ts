import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refreshTarget } from "../internal/aggregate/orchestrator/refresh.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../internal/aggregate/policy.ts";
import { parseDuration } from "../internal/canonical/duration.ts";
import { parsePair } from "../internal/canonical/pair.ts";
import type { PublishedValue } from "../internal/canonical/published.ts";
import { parseTime } from "../internal/canonical/time.ts";
import { importFile } from "../internal/import/import-file.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../internal/storage/database.testing.ts";
import { writeTrades } from "../internal/storage/trades.ts";

const DATA = fileURLToPath(new URL("../../shared/data/", import.meta.url));
const SOURCES = ["bitstamp", "bybit", "coinbase", "gemini", "mtgox", "sdex"];

interface ExpectedCase {
  readonly pair: string;
  readonly window: string;
  readonly at: string;
  readonly stablecoin_proxy: boolean;
  readonly sigma: number;
  readonly include: readonly string[];
  readonly expect: Omit<PublishedValue, "pair" | "window_seconds" | "from" | "to" | "policy"> | null;
}

const isHere = existsSync(`${DATA}expected.json`);
if (!isHere) console.log("left out: values of real trades, because there is no shared/data beside the project");
const cases: ExpectedCase[] = isHere ? JSON.parse(readFileSync(`${DATA}expected.json`, "utf8")) : [];

describe.skipIf(!isHere).each(testEngines)("values of real trades on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    for (const file of readdirSync(`${DATA}trades`)) {
      await importFile(`${DATA}trades/${file}`, {
        write: (rows) => writeTrades(database, rows),
        onBadRow: () => {},
        onProgress: () => {},
        signal: new AbortController().signal,
      });
    }
  });
  afterAll(() => database?.drop());

  it.each(cases)("$pair $window at $at, σ $sigma, proxy $stablecoin_proxy, $include", async (expected) => {
    const policy = makePolicy({
      ...DEFAULT_POLICY_SETTINGS,
      min_usd_volume: 0,
      outlier_sigma_threshold: expected.sigma,
      enable_stablecoin_fiat_proxy: expected.stablecoin_proxy,
      sources: SOURCES.map((name) => ({
        name,
        class: "exchange" as const,
        include_in_vwap: expected.include.includes(name),
      })),
    });
    const target = {
      pair: parsePair(expected.pair),
      windowSeconds: Number(parseDuration(expected.window) / 1_000_000n),
    };
    const { value } = await refreshTarget(database, policy, target, parseTime(expected.at), 10_000);
    expect(value === null ? null : pick(value)).toEqual(expected.expect);
  });
});

function pick({
  pair: _pair,
  window_seconds: _window,
  from: _from,
  to: _to,
  policy: _policy,
  ...rest
}: PublishedValue) {
  return rest;
}
