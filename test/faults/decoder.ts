import { setTimeout as pause } from "node:timers/promises";
import type { ConnectionOptions } from "../../internal/storage/connection/database.ts";
import { openDatabase } from "../../internal/storage/open-database.ts";

/** Rows whose transaction ended after their bucket had closed. */
export interface LateRows {
  /** The earliest trade time, in ms of Unix time. */
  readonly from: number;
  readonly to: number;
  /** The time when their storage was confirmed, in ms of Unix time. */
  readonly stored: number;
}

/** Writes trades like a decoder, with plain SQL, about ten times a second. */
export interface Decoder {
  /** Waits for the current statement, then writes nothing until `resume`. */
  pause(): Promise<void>;
  resume(): void;
  /** Sets the trades per statement, initially 1 per pair and source. */
  flood(trades: number): void;
  readonly late: readonly LateRows[];
  readonly stored: number;
  close(): Promise<void>;
}

/** The time by which trades are dated ahead, so that they are stored long before their bucket closes. */
const LEAD_SECONDS = 1.5;
const HISTORY_SECONDS = 75;
const STATEMENT_PAUSE_MS = 90;

/** Each trade exceeds the floor; every 12th is from an oracle source, and every 50th has a wrong price. */
const INSERT = `
  WITH moment AS (SELECT clock_timestamp() + make_interval(secs => $3::float8) AS ts),
  written AS (
    INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
    SELECT base, 'fiat:USD', ts - make_interval(secs => $4::float8 * (id - $1::bigint)), source, id::text, amount,
      amount * (price + (id * 37 % 101) * price / 100000) * CASE WHEN id % 50 = 7 THEN 1.9 ELSE 1 END
    FROM moment, generate_series($1::bigint, $2::bigint) AS id,
      (VALUES ('crypto:XLM', 100000, 0.375), ('crypto:BTC', 0.5, 61234.5)) AS market (base, amount, price),
      LATERAL (VALUES (CASE WHEN id % 12 = 5 THEN 'reflector-cex' ELSE 'kraken' END), ('binance')) AS sources (source)
    RETURNING ts)
  SELECT count(*)::int AS stored, extract(epoch FROM min(ts))::float8 * 1000 AS first,
    extract(epoch FROM max(ts))::float8 * 1000 AS last
  FROM written`;

interface Written {
  readonly stored: number;
  readonly first: number;
  readonly last: number;
}

/**
 * Starts a decoder, which first writes the history of the last minute.
 * @param options the timeouts of a decoder that abandons a server which does not answer
 */
export async function startDecoder(
  url: string,
  settleSeconds: number,
  options: ConnectionOptions = {},
): Promise<Decoder> {
  const { sql, close } = await openDatabase({ url, max_connections: 1, connect_timeout_seconds: 2 }, options);
  const late: LateRows[] = [];
  let id = 1;
  let stored = 0;
  let perStatement = 1;
  let isPaused = false;
  let isClosed = false;
  let under: Promise<void> = Promise.resolve();

  async function write(count: number, spacing: number): Promise<void> {
    const first = id;
    id += count;
    // Times come from the server at the time of writing: after an outage no trade is dated into a closed bucket.
    const [row] = await sql.unsafe<[Written]>(INSERT, [first, id - 1, LEAD_SECONDS, spacing]);
    stored += row.stored;
    if (spacing === 0 && Date.now() > row.first + settleSeconds * 1000) {
      late.push({ from: row.first, to: row.last, stored: Date.now() });
    }
  }

  async function run(): Promise<void> {
    while (!isClosed) {
      if (!isPaused) {
        under = write(perStatement, 0).catch(() => {});
        await under;
      }
      await pause(STATEMENT_PAUSE_MS);
    }
  }

  await write(HISTORY_SECONDS * 4, 0.25);
  const running = run();
  return {
    late,
    get stored() {
      return stored;
    },
    async pause() {
      isPaused = true;
      await under;
    },
    resume() {
      isPaused = false;
    },
    flood(trades) {
      perStatement = trades;
    },
    async close() {
      isClosed = true;
      await running;
      await close();
    },
  };
}
