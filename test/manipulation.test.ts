import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { targetsOf } from "../internal/aggregate/orchestrator/target.ts";
import { runTick } from "../internal/aggregate/orchestrator/tick.ts";
import { makePolicy } from "../internal/aggregate/policy.ts";
import { createApi } from "../internal/api/v1/api.ts";
import { openStore } from "../internal/cache/store.ts";
import { type Micros, parseTime, seconds } from "../internal/canonical/time.ts";
import { loadConfig } from "../internal/config/load.ts";
import { policySettings } from "../internal/config/schema.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../internal/storage/database.testing.ts";
import { apiOver, importRealTrades, REAL_DATA } from "./real-data.ts";

const SPIKE = parseTime("2026-02-22T00:10:21Z");
const HIGHEST_HONEST = 1.2;

describe.skipIf(REAL_DATA === null).each(testEngines)("the USTRY/USDC manipulation on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    await importRealTrades(database, "USTRY");
  });
  afterAll(() => database?.drop());

  it("is never shown by a default configuration", async () => {
    const { config } = loadConfig({ env: { STELLARINDEX_AGGREGATE_PAIRS: "crypto:USTRY/crypto:USDC" } });
    const { pairs, windows, interval_seconds, concurrency, max_trades_per_window } = config.aggregate;
    let now: Micros = 0n;
    const store = openStore({ url: "memory:", key_prefix: "" }, { now: () => now });
    const policy = makePolicy(policySettings(config));
    const over = apiOver(database, policy);
    const api = createApi({ ...over, store, now: () => now, settings: { ...over.settings, pairs, windows } });
    const context = {
      database,
      store,
      policy,
      targets: targetsOf(pairs, windows),
      concurrency,
      maxTrades: max_trades_per_window,
      namedSources: new Set<string>(),
      stopwatch: () => 0,
    };
    let asked = 0;
    for (const to of boundaries(interval_seconds)) {
      now = to + seconds(5);
      await runTick(context, to, new AbortController().signal);
      for (const path of ["vwap?window=5m&", "vwap?window=1h&", "vwap?window=24h&", "price?"]) {
        const response = await api.request(`/v1/${path}pair=USTRY/USDC`);
        const body = (await response.json()) as { data?: { price: string }; type?: string };
        asked++;
        if (response.status === 200) expect(Number(body.data?.price)).toBeLessThan(HIGHEST_HONEST);
        else expect(body.type).toMatch(/^urn:stellarindex:problem:price-(withheld|not-found)$/);
      }
    }
    expect(asked).toBeGreaterThan(200);
  });
});

/** Every boundary around the spike, then every half hour of the day in which the longest window holds it. */
function* boundaries(intervalSeconds: number): Generator<Micros> {
  const first = SPIKE - (SPIKE % seconds(intervalSeconds)) - seconds(60);
  for (let to = first; to < SPIKE + seconds(600); to += seconds(intervalSeconds)) yield to;
  for (let to = first; to < SPIKE + seconds(25 * 3600); to += seconds(1800)) yield to;
}
