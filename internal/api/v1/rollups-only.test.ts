import { expect, test } from "vitest";
import { parsePair } from "../../canonical/pair.ts";
import { trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { openApiDatabase, openTestApi } from "./api.testing.ts";

test("candles and markets are computed from rollups without reading trades", async () => {
  const database = await openApiDatabase();
  try {
    const at = ["2026-01-08T09:30:00Z", "2026-01-10T11:30:00Z", "2026-01-10T11:59:59Z", "2026-01-10T12:00:30Z"];
    for (const ts of at) await writeTrades(database, [trade(parsePair("XLM/USD"), ts)]);
    const ask = async () => {
      const api = openTestApi({ database });
      api.at("2026-01-10T12:02:00Z");
      const paths = ["1m", "1h", "1d"].map((interval) => `/v1/ohlc?pair=XLM/USD&interval=${interval}`);
      const answers = await Promise.all(["/v1/markets", ...paths].map((path) => api.get(path)));
      const { status } = await api.get("/v1/twap?pair=XLM/USD");
      return { answers: answers.map(({ text }) => text), statuses: answers.map((each) => each.status), twap: status };
    };
    const before = await ask();
    expect(before.statuses).toEqual([200, 200, 200, 200]);
    expect(before.answers.join()).toMatch(/"trade_count_24h":3.*"candles":\[\{/);
    await database.sql`ALTER TABLE trades RENAME TO trades_out_of_reach`;
    // Reading trades fails now, which shows that these endpoints do not.
    expect(await ask()).toEqual({ ...before, twap: 500 });
  } finally {
    await database.drop();
  }
});
