import { type Bucket, HOUR } from "../../canonical/bucket.ts";
import { compareBytes } from "../../canonical/compare.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { floorTo, type Micros } from "../../canonical/time.ts";
import { retryConflicts } from "../connection/conflicts.ts";
import type { Database } from "../connection/database.ts";
import type { Sql } from "../connection/pool.ts";
import { planForTimes } from "../connection/read-only.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { readHorizons } from "../retention/horizons.ts";
import type { RollupDifference } from "./compare.ts";
import { lockCorrections, recountHours, type SourceHour } from "./recount.ts";

/**
 * Recomputes every hour with a difference, one transaction per pair. Concurrent writers into these hours wait, and
 * their trades are counted. Hours that are before the horizon by now are skipped.
 */
export async function repairRollups(database: Database, differences: readonly RollupDifference[]): Promise<void> {
  const pairs = new Map(differences.map(({ pair }) => [formatPair(pair), pair]));
  for (const [name, pair] of pairs) {
    const own = differences.filter((difference) => formatPair(difference.pair) === name);
    await retryConflicts(() => repairPair(database, pair, hoursOf(own)));
  }
}

interface Hour {
  readonly source: string;
  readonly from: Micros;
}

function hoursOf(differences: readonly RollupDifference[]): Hour[] {
  const hours = differences.map(({ source, bucket }) => ({ source, from: floorTo(bucket, HOUR) }));
  const byKey = new Map(hours.map((hour) => [`${hour.from} ${hour.source}`, hour]));
  return [...byKey.values()].sort((a, b) => Number(a.from - b.from) || compareBytes(a.source, b.source));
}

async function repairPair({ sql }: Database, pair: Pair, hours: readonly Hour[]): Promise<void> {
  await inTransaction(sql, READ_COMMITTED, async (transaction) => {
    await lockCorrections(transaction);
    // Reading the horizons locks them, so retention cannot move them until this transaction ends.
    const horizon = (await readHorizons(transaction)).get("trades");
    const complete = hours.filter(({ from }) => horizon === undefined || from >= horizon);
    const [first, last] = [complete.at(0), complete.at(-1)];
    if (first === undefined || last === undefined) return;
    await planForTimes(transaction);
    const claimed = complete.map(({ source, from }) => ({ source, bucket: timestamptz(from) }));
    const range: Bucket = { from: first.from, to: last.from + HOUR };
    await claimHours(transaction, pair, claimed);
    await recountHours(transaction, pair, range, claimed);
  });
}

/**
 * Locks the rows of the hours in key order, as the trigger does. For a missing row an empty one is inserted, so that
 * concurrent inserts of it wait; the recount deletes it.
 */
async function claimHours(sql: Sql, pair: Pair, hours: readonly SourceHour[]): Promise<void> {
  await sql`
    INSERT INTO trades_1h AS stored (
      base_asset, quote_asset, bucket, source, trade_count, base_volume, quote_volume, price_sum, price_square_sum,
      price_min, price_max, open_ts, open_trade_id, open_price, close_ts, close_trade_id, close_price
    )
    SELECT ${pair.base}::text, ${pair.quote}::text, bucket, source, 0, 0, 0, 0, 0, 0, 0, bucket, '', 0, bucket, '', 0
    FROM unnest(
      ${hours.map(({ source }) => source)}::text[], ${hours.map(({ bucket }) => bucket)}::text[]::timestamptz[]
    ) AS hour (source, bucket)
    ORDER BY bucket, source COLLATE "C"
    ON CONFLICT (base_asset, quote_asset, bucket, source) DO UPDATE SET trade_count = stored.trade_count WHERE false`;
}
