import { vi } from "vitest";
import { formatDecimal, parseDecimal } from "../canonical/decimal.ts";
import { makePair, type Pair } from "../canonical/pair.ts";
import { formatTime, type Micros, parseTime } from "../canonical/time.ts";
import type { TradeRow } from "../canonical/trade.ts";
import type { Sql } from "./database.ts";

let markets = 0;

/** A market that no other test of this file trades in, so that they can share a database. */
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

/** A trade of 1 for 1 on kraken, unless told otherwise. */
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

/** Inserts in one statement on any session, as decoders do, or plainly: then a trade that is known is an error. */
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

/** The process id of the session behind a transaction or a reserved connection. */
export async function sessionOf(sql: Sql): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
  if (row === undefined) throw new Error("a session has a process id");
  return row.pid;
}

/** Waits until `count` other sessions wait for a lock that the session `holder` has. */
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
