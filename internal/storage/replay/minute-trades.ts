import { formatDecimal, parseDecimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import { makeBatcher } from "../../lib/batcher.ts";
import type { PricedTrade } from "../../policy/reader.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { inSpan } from "../windows/ranges.ts";
import { isWithin, type Limits, limitsOf } from "./extremes.ts";
import { bucketOf, type MinuteSums } from "./minute-sums.ts";

/** Minutes of one source of a pair. */
export interface Minutes {
  readonly pair: Pair;
  readonly sums: MinuteSums;
  /** Minutes since the epoch. */
  readonly minutes: readonly number[];
}

/** A minute, and the band outside of which its trades are read. */
interface MinuteQuestion extends Pick<Minutes, "pair" | "sums"> {
  readonly minute: number;
  readonly band: Limits;
}

interface Kept {
  readonly band: Limits;
  readonly reading: Promise<void>;
  /** Null until read. */
  trades: readonly PricedTrade[] | null;
}

/** Fraction by which the cached band is narrower than the requested one, as later buckets may have narrower bands. */
const MARGIN = parseDecimal("0.1");

/**
 * Returns a reader of the trades outside a band, which caches them by minute, since neighbouring buckets need the same
 * minutes. The result contains all trades outside the band, and possibly some inside.
 */
export function minuteTrades(sql: Sql): (found: readonly Minutes[], band: Limits) => Promise<PricedTrade[]> {
  const kept = new Map<MinuteSums, Map<number, Kept>>();
  const read = makeBatcher((questions: readonly MinuteQuestion[]) => readMinuteTrades(sql, questions));

  function keep(question: MinuteQuestion): Kept {
    const reading = read(question).then((trades) => {
      entry.trades = trades;
    });
    const entry: Kept = { band: question.band, reading, trades: null };
    return entry;
  }

  return async (found, band) => {
    const entries: Kept[] = [];
    for (const { pair, sums, minutes } of found) {
      const ofSource = kept.get(sums) ?? new Map<number, Kept>();
      kept.set(sums, ofSource);
      for (const minute of minutes) {
        let entry = ofSource.get(minute);
        if (entry === undefined || !isWithin(entry.band, band)) {
          entry = keep({ pair, sums, minute, band: narrower(band) });
          ofSource.set(minute, entry);
        }
        entries.push(entry);
      }
    }
    const unread = entries.filter(({ trades }) => trades === null);
    if (unread.length > 0) await Promise.all(unread.map(({ reading }) => reading));
    return entries.flatMap(({ trades }) => trades ?? []);
  };
}

function narrower({ low, high }: Limits): Limits {
  const margin = high.exact.minus(low.exact).times(MARGIN);
  return limitsOf({ low: low.exact.plus(margin), high: high.exact.minus(margin) });
}

async function readMinuteTrades(sql: Sql, questions: readonly MinuteQuestion[]): Promise<PricedTrade[][]> {
  const spans = questions.map(({ minute }) => bucketOf({ first: minute, past: minute + 1 }));
  const rows = await sql<
    { part: number; ts: string; trade_id: string; price: string; base_amount: string; quote_amount: string }[]
  >`
    SELECT asked.part, trade.*
    FROM unnest(
      ${questions.map((_, part) => String(part))}::text[]::int[],
      ${questions.map(({ pair }) => pair.base)}::text[], ${questions.map(({ pair }) => pair.quote)}::text[],
      ${questions.map(({ sums }) => sums.source)}::text[],
      ${spans.map(({ from }) => timestamptz(from))}::text[]::timestamptz[],
      ${questions.map(({ band }) => formatDecimal(band.low.exact))}::text[]::numeric[],
      ${questions.map(({ band }) => formatDecimal(band.high.exact))}::text[]::numeric[]
    ) AS asked (part, base, quote, source, minute, low, high)
    CROSS JOIN LATERAL (
      SELECT (extract(epoch FROM ts) * 1000000)::bigint::text AS ts, trade_id, price::text AS price,
        base_amount::text AS base_amount, quote_amount::text AS quote_amount
      FROM trades
      WHERE base_asset = asked.base AND quote_asset = asked.quote AND source = asked.source
        AND ts >= asked.minute AND ts < asked.minute + interval '1 minute' AND ${inSpan(sql, "ts", spans)}
        AND (price < asked.low OR price > asked.high)
      OFFSET 0
    ) AS trade`;
  const answers = questions.map((): PricedTrade[] => []);
  for (const row of rows) {
    const { pair, sums } = questions[row.part] as MinuteQuestion;
    answers[row.part]?.push({
      pair,
      source: sums.source,
      ts: BigInt(row.ts),
      tradeId: row.trade_id,
      price: parseDecimal(row.price),
      baseAmount: parseDecimal(row.base_amount),
      quoteAmount: parseDecimal(row.quote_amount),
    });
  }
  return answers;
}
