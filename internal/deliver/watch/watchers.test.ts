import { describe, expect, it, onTestFinished } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { serializeDivergence } from "../../cache/divergence.ts";
import { divergenceKey, withheldKey } from "../../cache/keys.ts";
import { openStore } from "../../cache/open-store.ts";
import { formatPair } from "../../canonical/pair.ts";
import { formatTime, parseTime, seconds } from "../../canonical/time.ts";
import { serializeWithheld } from "../../canonical/withheld.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../../policy/policy.ts";
import { testEngines } from "../../storage/connection/database.testing.ts";
import { cover } from "../../storage/control/coverage.ts";
import { declareFeed } from "../../storage/control/feeds.ts";
import { keepIncidents } from "../../storage/control/incidents.ts";
import { testLedger } from "../../storage/control/jobs.testing.ts";
import { databaseTime } from "../../storage/control/schedules.ts";
import { freshPair, trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { testWatch } from "./watch.testing.ts";
import { runWatchers } from "./watchers.ts";

const NOW = parseTime("2026-05-01T12:00:06Z");
const TO = parseTime("2026-05-01T12:00:00Z");

describe.each(enginesOf(testEngines))("watchers on $name", (engine) => {
  const ledger = testLedger(engine);

  it("of all kinds record their events, several at once as one, and end with the signal", async () => {
    const { database, tenant } = ledger;
    const pair = freshPair();
    const name = formatPair(pair);
    const store = openStore({ url: "memory:", key_prefix: "" }, { now: () => NOW });
    onTestFinished(() => store.close());
    const time = { from: formatTime(TO - seconds(300)), to: formatTime(TO) };
    const refused = { reason: "empty", market: name, price: null, recent_price: null, usd_volume: null } as const;
    const withheld = { pair: name, window_seconds: 300, ...time, ...refused, trade_count: 0, policy: "9f2c1ab04d7e" };
    await store.put(withheldKey(pair, 300), serializeWithheld(withheld), 300);
    const compared = { pair: name, price: "1", to: time.to, checked: true, median: "2", deviation_pct: "100" };
    const divergence = { ...compared, threshold_pct: "5", warning: true, references: [] };
    await store.put(divergenceKey(pair), serializeDivergence(divergence), 300);
    const finding = {
      code: "gap",
      key: "f",
      firstJob: null,
      lastJob: null,
      count: 1,
      message: "m",
      cluster: null,
    } as const;
    await keepIncidents(database.sql, tenant, [finding], await databaseTime(database.sql));
    const feed = { feed: "f", source: "kraken", host: "", kind: "k", payload: { pair: name }, chunkSeconds: 60 };
    await declareFeed(database.sql, tenant, { ...feed, startAt: TO - seconds(900) });
    await cover(database.sql, tenant, "f", [{ from: TO - seconds(600), to: TO }]);
    const trades = Array.from({ length: 300 }, (_, index) =>
      trade(pair, TO - seconds(7200 + 20 * index), { tradeId: String(index) }),
    );
    await writeTrades(database, trades);

    const { want, start, waitFor, conflicts, recorded } = testWatch(database, tenant, () => NOW);
    await want();
    const policy = makePolicy(DEFAULT_POLICY_SETTINGS);
    const watch: Parameters<typeof start>[0] = (parts, signal) =>
      runWatchers(
        {
          ...{ ...parts, store, policy, targets: [300, 3600].map((windowSeconds) => ({ pair, windowSeconds })) },
          ...{ intervalSeconds: 30, settleSeconds: 5, maxTrades: 100 },
        },
        signal,
      );
    const stops = [start(watch), start(watch)];
    const types = (await waitFor(5)).map(({ type }) => type).sort();
    expect(types).toEqual([
      ...["coverage.gap", "divergence.warning", "incident.opened", "price.withheld", "source.silent"],
    ]);
    await Promise.all(stops.map((stop) => stop()));
    expect([(await recorded()).length, await conflicts()]).toEqual([5, 0]);
  });
});
