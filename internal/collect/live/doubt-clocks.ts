import { type Micros, seconds } from "../../canonical/time.ts";
import type { Sql } from "../../storage/connection/pool.ts";
import { uncover } from "../../storage/control/coverage.ts";
import { readFeed } from "../../storage/control/feeds.ts";
import type { HeldLease } from "../../storage/control/report.ts";
import { readLastTradeTime } from "../../storage/trades/last-trade-time.ts";
import type { CollectedFeed } from "../feed.ts";

/** In a market that was silent for longer, only so much is read again. */
const MOST_DOUBTED: Micros = seconds(86_400);

/**
 * Takes back what feeds of numbered trades cover behind their last stored trade, so that it is read again. The clock alone may have
 * covered it, and the worker before may have been killed before a missing number showed.
 */
export async function doubtClocks(
  sql: Sql,
  tenant: string,
  lease: HeldLease,
  feeds: readonly CollectedFeed[],
): Promise<void> {
  for (const { feed, source, pair } of feeds) {
    const to = (await readFeed(sql, tenant, feed))?.watermark ?? null;
    if (to === null) continue;
    const oldest = to - MOST_DOUBTED;
    const from = (await readLastTradeTime(sql, { ...pair, source }, { from: oldest, to })) ?? oldest;
    await uncover(sql, tenant, feed, { from, to }, lease);
  }
}
