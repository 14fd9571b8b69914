import { vi } from "vitest";
import { formatDecimal, parseDecimal } from "../../canonical/decimal.ts";
import { makePair, type Pair } from "../../canonical/pair.ts";
import { formatTime, type Micros, parseTime } from "../../canonical/time.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import type { Sql } from "../connection/pool.ts";

let markets = 0;

/** Returns a pair that no other test of the file uses, so that tests can share a database. */
export function freshPair(quote = "fiat:USD"): Pair {
  markets++;
  return makePair(`crypto:T${markets}`, quote);
}

export interface TradeDetails {
  readonly source?: string;
  readonly tradeId?: string;
  readonly base?: string;
  readonly quote?: string;
}

/** Makes a trade, by default of 1 for 1 on kraken. */
export function trade(
  pair: Pair,
  ts: string | Micros,
  { source = "kraken", tradeId = "1", base = "1", quote = "1" }: TradeDetails = {},
): TradeRow {
  return {
    ...pair,
    ts: typeof ts === "string" ? parseTime(ts) : ts,
    source,
    tradeId,
    baseAmount: parseDecimal(base),
    quoteAmount: parseDecimal(quote),
  };
}

/** Inserts trades in one statement on any session, with ON CONFLICT DO NOTHING as decoders do, or without it. */
export async function insertTrades(sql: Sql, rows: readonly TradeRow[], how: "plainly" | "new ones only" = "plainly") {
  const column = (of: (row: TradeRow) => string) => rows.map(of);
  return sql`
    INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
    SELECT * FROM unnest(
      ${column((row) => row.base)}::text[], ${column((row) => row.quote)}::text[],
      ${column((row) => formatTime(row.ts))}::text[]::timestamptz[],
      ${column((row) => row.source)}::text[], ${column((row) => row.tradeId)}::text[],
      ${column((row) => formatDecimal(row.baseAmount))}::text[]::numeric[],
      ${column((row) => formatDecimal(row.quoteAmount))}::text[]::numeric[])
    ${how === "plainly" ? sql`` : sql`ON CONFLICT DO NOTHING`}`;
}

/** Returns the process id of the session of a transaction or a reserved connection. */
export async function sessionOf(sql: Sql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
  if (row === undefined) throw new Error("a session has a process id");
  return row.pid;
}

/** Waits until `count` other sessions wait for a lock that the session `holder` holds. */
export async function untilBlockedBy(sql: Sql, holder: number, count = 1): Promise<number[]> {
  return vi.waitFor(
    async () => {
      const rows = await sql<{ pid: number }[]>`
        SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND ${holder}::int = ANY(pg_blocking_pids(pid))`;
      if (rows.length < count) throw new Error(`${rows.length} of ${count} sessions wait for session ${holder}`);
      return rows.map(({ pid }) => pid);
    },
    { timeout: 10_000, interval: 5 },
  );
}
