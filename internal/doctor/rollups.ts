import type { Bucket } from "../canonical/bucket.ts";
import { formatDuration } from "../canonical/duration.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { formatTime, type Micros, seconds } from "../canonical/time.ts";
import type { Sql } from "../storage/database.ts";
import { moment } from "../storage/moment.ts";
import { type Finding, ok, warning, wrong } from "./finding.ts";

/** The last trade of a market, and whether the rollups have counted it. */
interface LastTrade {
  readonly pair: Pair;
  readonly source: string;
  readonly ts: Micros;
  readonly inMinutes: boolean;
  readonly inHours: boolean;
}

const VERIFY = "stellarindex rollups verify --repair counts all trades again";

/**
 * Whether the trigger that keeps the rollups is there, and has counted the last trade of each of the markets; whether
 * anybody writes trades at all. A sample: all of them are compared by `rollups verify`.
 * @param markets as stored
 * @param windows of the targets in seconds, shortest first
 */
export async function checkRollups(
  sql: Sql,
  markets: readonly Pair[],
  windows: readonly number[],
  now: Micros,
): Promise<Finding[]> {
  const disabled = await disabledTriggers(sql);
  const longest = windows.at(-1) ?? 0;
  const last = await lastTrades(sql, markets, { from: now - seconds(longest), to: now });
  const findings = disabled.map((name) =>
    wrong(
      `the trigger ${name} of trades is missing or disabled`,
      `ALTER TABLE trades ENABLE TRIGGER ${name}; then ${VERIFY}`,
    ),
  );
  const uncounted = last.filter(({ inMinutes, inHours }) => !inMinutes || !inHours);
  for (const { pair, source, ts, inMinutes, inHours } of uncounted) {
    const where = [...(inMinutes ? [] : ["trades_1m"]), ...(inHours ? [] : ["trades_1h"])].join(" and ");
    findings.push(
      wrong(`${where}: the trade of ${formatPair(pair)} at ${source}, ${formatTime(ts)}, is not in`, VERIFY),
    );
  }
  const newest = last.reduce<Micros | null>((latest, { ts }) => (latest === null || ts > latest ? ts : latest), null);
  findings.push(freshness(newest, windows, now));
  if (findings.every(({ status }) => status !== "wrong")) {
    findings.push(ok(`the last trades of ${last.length} markets are counted; rollups verify compares everything`));
  }
  return findings;
}

function freshness(newest: Micros | null, windows: readonly number[], now: Micros): Finding {
  const cure = "look whether the decoders run and may write (docs/decoders.md), or import trades";
  const [shortest = 0] = windows;
  if (newest === null) {
    return warning(
      `no trade of a published pair in the last ${formatDuration(windows.at(-1) ?? 0)}`,
      `${cure}; pairs whose prices come through other markets alone need none`,
    );
  }
  const age = Number((now - newest) / 1_000_000n);
  const found = `the newest trade of a published pair is ${formatDuration(Math.max(0, age))} old`;
  return age > shortest ? warning(`${found}: every window of ${formatDuration(shortest)} is empty`, cure) : ok(found);
}

async function disabledTriggers(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT name FROM unnest(ARRAY['trades_keep_rollups', 'trades_append_only']) AS name
    WHERE NOT EXISTS (
      SELECT FROM pg_trigger
      WHERE tgrelid = 'public.trades'::regclass AND tgname = name AND tgenabled IN ('O', 'A')
    )
    ORDER BY name`;
  return rows.map(({ name }) => name);
}

/**
 * Of each market that has traded in the period, which ends now: a trade dated in the future says nothing of who writes. One
 * statement, so that no trade lands between its parts.
 */
async function lastTrades(sql: Sql, markets: readonly Pair[], { from: since, to }: Bucket): Promise<LastTrade[]> {
  const rows = await sql<
    { base: string; quote: string; source: string; ts: string; in_minutes: boolean; in_hours: boolean }[]
  >`
    SELECT market.base, market.quote, last.source, (extract(epoch FROM last.ts) * 1000000)::bigint::text AS ts,
      EXISTS (
        SELECT FROM trades_1m AS minute
        WHERE minute.base_asset = market.base AND minute.quote_asset = market.quote AND minute.source = last.source
          AND minute.bucket = date_bin('1 minute', last.ts, timestamptz '1970-01-01 00:00:00+00')
          AND minute.close_ts >= last.ts AND minute.bucket > ${moment(since - seconds(60))}::timestamptz
      ) AS in_minutes,
      EXISTS (
        SELECT FROM trades_1h AS hour
        WHERE hour.base_asset = market.base AND hour.quote_asset = market.quote AND hour.source = last.source
          AND hour.bucket = date_bin('1 hour', last.ts, timestamptz '1970-01-01 00:00:00+00')
          AND hour.close_ts >= last.ts AND hour.bucket > ${moment(since - seconds(3600))}::timestamptz
      ) AS in_hours
    FROM (
      SELECT DISTINCT base, quote
      FROM unnest(${markets.map(({ base }) => base)}::text[], ${markets.map(({ quote }) => quote)}::text[])
        AS named (base, quote)
    ) AS market
    CROSS JOIN LATERAL (
      SELECT ts, source FROM trades
      WHERE base_asset = market.base AND quote_asset = market.quote AND ts > ${moment(since)}::timestamptz
        AND ts <= ${moment(to)}::timestamptz
      ORDER BY ts DESC LIMIT 1
    ) AS last
    ORDER BY market.base, market.quote`;
  return rows.map(({ base, quote, source, ts, in_minutes, in_hours }) => ({
    pair: { base, quote } as Pair,
    source,
    ts: BigInt(ts),
    inMinutes: in_minutes,
    inHours: in_hours,
  }));
}
