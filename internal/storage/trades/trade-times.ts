import { earlierOf, laterOf, type Micros } from "../../canonical/time.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";

/**
 * Returns the times of stored trades that have the ids of trades of one market, by id.
 * @param within only times at most so far before the first trade or behind the last
 */
export async function readTradeTimes(
  sql: Sql,
  trades: readonly TradeRow[],
  within: Micros,
): Promise<ReadonlyMap<string, readonly Micros[]>> {
  const [market] = trades;
  if (market === undefined) return new Map();
  const times = trades.map(({ ts }) => ts);
  const rows = await sql<{ trade_id: string; ts: string }[]>`
    SELECT trade_id, (extract(epoch FROM ts) * 1000000)::bigint::text AS ts FROM trades
    WHERE base_asset = ${market.base} AND quote_asset = ${market.quote} AND source = ${market.source}
      AND ts >= ${timestamptz(times.reduce(earlierOf) - within)}::timestamptz
      AND ts <= ${timestamptz(times.reduce(laterOf) + within)}::timestamptz
      AND trade_id = ANY(${trades.map(({ tradeId }) => tradeId)}::text[])`;
  const found = new Map<string, Micros[]>();
  for (const { trade_id, ts } of rows) found.set(trade_id, [...(found.get(trade_id) ?? []), BigInt(ts)]);
  return found;
}
