import type { PriceBand, PricedTrade } from "../../aggregate/reader.ts";
import { MINUTE } from "../../canonical/bucket.ts";
import { type Decimal, formatDecimal, parseDecimal } from "../../canonical/decimal.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../database.ts";
import { moment } from "../moment.ts";
import { inSpan } from "../ranges.ts";
import { together } from "../together.ts";

/** One minute of one source of a pair, and the band outside of which its trades are wanted. */
export interface MinuteQuestion {
  readonly pair: Pair;
  readonly source: string;
  readonly minute: Micros;
  readonly band: PriceBand;
}

interface Kept {
  readonly band: PriceBand;
  readonly trades: Promise<PricedTrade[]>;
}

/** Part of a band by which what is kept goes further in: the bands of the next buckets are a little narrower. */
const MARGIN = parseDecimal("0.1");

/** Reads trades outside bands by minutes, and keeps them: neighbouring buckets ask for the same. */
export function minuteTrades(sql: Sql): (question: MinuteQuestion) => Promise<PricedTrade[]> {
  const kept = new Map<string, Kept>();
  const read = together((questions: readonly MinuteQuestion[]) => readMinuteTrades(sql, questions));
  return async (question) => {
    const { pair, source, minute, band } = question;
    const key = `${formatPair(pair)} ${source} ${minute}`;
    let known = kept.get(key);
    if (known === undefined || !isWithin(known.band, band)) {
      const narrowed = narrower(band);
      known = { band: narrowed, trades: read({ ...question, band: narrowed }) };
      kept.set(key, known);
    }
    const trades = await known.trades;
    return trades.filter(({ price }) => isOutside(price, band));
  };
}

function isOutside(price: Decimal, { low, high }: PriceBand): boolean {
  return price.lessThan(low) || price.greaterThan(high);
}

function isWithin(inner: PriceBand, outer: PriceBand): boolean {
  return !inner.low.lessThan(outer.low) && !inner.high.greaterThan(outer.high);
}

function narrower({ low, high }: PriceBand): PriceBand {
  const margin = high.minus(low).times(MARGIN);
  return { low: low.plus(margin), high: high.minus(margin) };
}

async function readMinuteTrades(sql: Sql, questions: readonly MinuteQuestion[]): Promise<PricedTrade[][]> {
  const spans = questions.map(({ minute }) => ({ from: minute, to: minute + MINUTE }));
  const rows = await sql<
    { part: number; ts: string; trade_id: string; price: string; base_amount: string; quote_amount: string }[]
  >`
    SELECT asked.part, trade.*
    FROM unnest(
      ${questions.map((_, part) => String(part))}::text[]::int[],
      ${questions.map(({ pair }) => pair.base)}::text[], ${questions.map(({ pair }) => pair.quote)}::text[],
      ${questions.map(({ source }) => source)}::text[],
      ${questions.map(({ minute }) => moment(minute))}::text[]::timestamptz[],
      ${questions.map(({ band }) => formatDecimal(band.low))}::text[]::numeric[],
      ${questions.map(({ band }) => formatDecimal(band.high))}::text[]::numeric[]
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
    const { pair, source } = questions[row.part] as MinuteQuestion;
    answers[row.part]?.push({
      pair,
      source,
      ts: BigInt(row.ts),
      tradeId: row.trade_id,
      price: parseDecimal(row.price),
      baseAmount: parseDecimal(row.base_amount),
      quoteAmount: parseDecimal(row.quote_amount),
    });
  }
  return answers;
}
