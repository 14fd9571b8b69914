import { HOUR } from "../internal/canonical/bucket.ts";
import { ceilTo, floorTo } from "../internal/canonical/time.ts";
import { verifyRollups } from "../internal/storage/rollups/verify.ts";
import type { Bench } from "./bench.ts";
import { compare } from "./compare.ts";
import { withBenchDatabase } from "./database.ts";
import { BENCH_TO, fillPairs } from "./trades.ts";

/** The whole hours that cover all trades. */
const RANGE = { from: floorTo(BENCH_TO - 24n * HOUR, HOUR), to: ceilTo(BENCH_TO, HOUR) };

export const verify: Bench = {
  summary: "comparing all rollups with the trades, against plainly counting and summing up the trades",
  run: ({ server, trades = 1_000_000, short }) =>
    withBenchDatabase(server, async (database) => {
      const count = short ? Math.min(trades, 20_000) : trades;
      await fillPairs(database, "T", 20, count);
      await database.sql`ANALYZE`;
      console.log(`${count} trades in 24 h`);
      await compare(
        {
          "count(*)": () => database.sql`SELECT count(*) FROM trades`,
          "sums by pair, source and hour": () => database.sql`
            SELECT base_asset, quote_asset, source, date_trunc('hour', ts), sum(base_amount), sum(quote_amount), sum(price)
            FROM trades GROUP BY 1, 2, 3, 4`,
          "rollups verify": async () => {
            const { trades: verified, differences } = await verifyRollups(
              database,
              { pair: null, ...RANGE },
              { repair: false, signal: new AbortController().signal, onProgress: () => {}, onDifference: () => {} },
            );
            if (verified !== count || differences > 0) throw new Error("the rollups are those of these trades");
          },
        },
        short ? 1 : 5,
      );
    }),
};
