import { z } from "@hono/zod-openapi";
import { type Bucket, latestClosed } from "../../canonical/bucket.ts";
import { formatDuration, parseDuration } from "../../canonical/duration.ts";
import { InputError } from "../../canonical/input-error.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import {
  ceilTo,
  earlierOf,
  floorTo,
  formatTime,
  MICROS_PER_SECOND,
  type Micros,
  seconds,
} from "../../canonical/time.ts";
import { checkedBy, PARAMETER_ERRORS, parsedBy } from "../../http/query.ts";
import { needs } from "../../lib/cross-checks.ts";
import { makeSingleFlight } from "../../lib/single-flight.ts";
import { type Candle, candleOf, isCandleInterval, rawCandleOf } from "../../policy/candles/candles.ts";
import { shownCandles } from "../../policy/candles/shown-candles.ts";
import { countedSources } from "../../policy/class-filter.ts";
import { expandPair } from "../../policy/expansion.ts";
import { pricingOf } from "../../policy/pricing.ts";
import type { TradeReader } from "../../policy/reader.ts";
import { RawDataExpired } from "../../storage/connection/errors.ts";
import { withSnapshot } from "../../storage/windows/snapshot.ts";
import { type Answer, NO_FLAGS, PAST_MAX_AGE_SECONDS, secondsUntil } from "../answer.ts";
import type { Endpoint } from "../endpoint.ts";
import { pairText, policyText, priceText, timeText, volumeText } from "./answer-fields.ts";
import { withCompleteness } from "./completeness.ts";
import { CANDLES_EXAMPLE } from "./examples.ts";
import { filterParameter } from "./filter-parameter.ts";
import { cursorParameter, limitParameter, nextSchema } from "./page-parameters.ts";
import { askedPair, pairCheck, pairParameters } from "./pair-parameters.ts";
import { type AsOf, isStale, withReplayFallback } from "./replay-fallback.ts";
import type { Service } from "./service.ts";
import { readTime, timeParameter } from "./time-parameters.ts";

const DEFAULT_INTERVALS = 100n;

const candlesSchema = z
  .object({
    pair: pairText,
    interval_seconds: z.int().positive().openapi({ description: "length of a candle" }),
    candles: z.array(
      z
        .object({
          from: timeText.openapi({ description: "start of the candle" }),
          to: timeText.openapi({ description: "end of the candle (exclusive)" }),
          open: priceText.openapi({ description: "price of the first trade that the filters keep" }),
          high: priceText.openapi({ description: "highest price of these trades" }),
          low: priceText.openapi({ description: "lowest price of these trades" }),
          close: priceText.openapi({ description: "price of the last of these trades" }),
          base_volume: volumeText.openapi({ description: "volume of all trades of sources in VWAP" }),
          quote_volume: volumeText,
          trade_count: z.int().positive(),
          vwap: priceText.openapi({ description: "quote volume over base volume of the trades that the filters keep" }),
          filtered: z.literal(false).optional().openapi({
            description:
              "present where retention has removed the raw trades, so that prices are of all trades, unfiltered",
          }),
        })
        .openapi("Candle"),
    ),
    next: nextSchema,
    policy: policyText,
  })
  .openapi("Candles");

/** A page of candles. */
interface Page {
  readonly candles: readonly Candle[];
  readonly next: Micros | null;
}

const isExpired = (error: unknown): boolean => error instanceof RawDataExpired;

interface CandleQuery {
  readonly pair: Pair;
  readonly intervalSeconds: number;
  readonly from: Micros | null;
  readonly to: Micros | null;
  readonly limit: number;
  /** Whether all trades count (`filter=none`). */
  readonly isRaw: boolean;
}

const intervalParameter = z.string(PARAMETER_ERRORS).transform(parsedBy(readInterval)).openapi({
  type: "string",
  description:
    "Length of a candle: whole minutes that divide a day (`1m`, `5m`, `4h`), or 1 to 7 days (`1d`, `24h`). Candles are aligned to 1970-01-01T00:00:00Z.",
  example: "1h",
});
const cursor = cursorParameter(readTime).optional();

function querySchema(service: Service) {
  return z
    .strictObject({
      ...pairParameters,
      interval: intervalParameter,
      from: timeParameter("No candle begins before it. Default: 100 intervals before `to`."),
      to: timeParameter("No candle ends after it. Default and maximum: the end of the latest closed candle."),
      limit: limitParameter,
      cursor,
      filter: filterParameter,
    })
    .superRefine(...pairCheck(service))
    .superRefine(
      checkedBy("from", ({ from, to }) => {
        if (from !== undefined && to !== undefined && from >= to) throw new InputError("from is not before to");
      }),
      needs("from", "to"),
    )
    .transform(
      (query): CandleQuery => ({
        pair: askedPair(query, service),
        intervalSeconds: query.interval,
        from: query.cursor ?? query.from ?? null,
        to: query.to ?? null,
        limit: query.limit,
        isRaw: query.filter === "none",
      }),
    );
}

/** `GET /v1/ohlc`: candles, in pages. */
export function ohlcEndpoint(service: Service): Endpoint<ReturnType<typeof querySchema>> {
  const { database, policy, settings, now } = service;
  const share = makeSingleFlight<Page>();

  async function readPage(query: CandleQuery, range: Bucket, client: string): Promise<Page> {
    const { pair, intervalSeconds, limit, isRaw } = query;
    const question = { intervalSeconds, range, limit };
    const read = async (reader: TradeReader): Promise<Page> => {
      const known = await service.policyOf(reader, pair);
      if (isRaw) {
        const asked = { ...question, pairs: expandPair(pair, known), sources: countedSources(known) };
        const { candles, next } = await reader.rawCandles(asked);
        return { candles: candles.map((sums) => rawCandleOf(sums, intervalSeconds)), next };
      }
      const pricing = pricingOf(reader, known, [pair], { maxTrades: settings.maxTrades });
      const { candles, next } = await shownCandles({ reader, policy: known, pricing, isExpired }, pair, question);
      return { candles: candles.map((candle) => candleOf(candle, intervalSeconds)), next };
    };
    return withSnapshot(database.laneOf(client, false), read, { to: range.to, settleSeconds: settings.settleSeconds });
  }

  async function answerAsOf(query: CandleQuery, now: Micros, asOf: AsOf, client: string): Promise<Answer> {
    const { pair, intervalSeconds, limit, isRaw } = query;
    const latest = latestClosed(asOf.moment, intervalSeconds, settings.settleSeconds);
    const range = rangeOf(query, latest);
    const key = `${formatPair(pair)} ${intervalSeconds} ${range.from} ${range.to} ${limit} ${isRaw}`;
    const { candles, next } = await share(key, null, () => readPage(query, range, client));
    const nextCandle = latest + seconds(intervalSeconds + settings.settleSeconds);
    const maxAgeSeconds =
      range.to < latest ? PAST_MAX_AGE_SECONDS : Math.min(PAST_MAX_AGE_SECONDS, secondsUntil(nextCandle, now));
    const answer: Answer = {
      data: JSON.stringify({
        pair: formatPair(pair),
        interval_seconds: intervalSeconds,
        candles,
        next: next === null ? null : formatTime(next),
        policy: policy.id,
      }),
      flags: { ...NO_FLAGS, stale: isStale(asOf, settings) },
      maxAgeSeconds: asOf.behind === null ? maxAgeSeconds : 0,
    };
    return withCompleteness(service, pair, answer, { from: range.from, to: next ?? range.to });
  }

  return {
    path: "/v1/ohlc",
    tag: "Candles",
    operationId: "getCandles",
    summary: "Candles",
    description:
      "Returns closed candles in time order, without empty ones. Prices are of trades that form a price, that the policy keeps over the candle and that lie within `guard_factor` of the price before it, or of its own where there is none; a candle without such a trade is omitted. Volumes and count are of all trades of the sources in VWAP. There is no volume floor. With `filter=none`, prices are of all trades. For the next page, repeat the query with `cursor`.",
    example: CANDLES_EXAMPLE,
    query: querySchema(service),
    data: candlesSchema,
    problems: ["raw-data-expired"],
    answer: (query, clientOf) => {
      const moment = now();
      return withReplayFallback(moment, (asOf) => answerAsOf(query, moment, asOf, clientOf()));
    },
  };
}

/** Returns the closed intervals that lie completely in the requested range. */
function rangeOf({ intervalSeconds, from, to }: CandleQuery, latest: Micros): Bucket {
  const interval = seconds(intervalSeconds);
  const end = to === null ? latest : earlierOf(latest, floorTo(to, interval));
  const start = from === null ? end - DEFAULT_INTERVALS * interval : ceilTo(from, interval);
  return { from: earlierOf(start, end), to: end };
}

function readInterval(text: string): number {
  const intervalSeconds = Number(parseDuration(text)) / Number(MICROS_PER_SECOND);
  if (!isCandleInterval(intervalSeconds)) {
    throw new InputError(
      `${formatDuration(Math.floor(intervalSeconds))} is no candle length: use whole minutes that divide a day, or 1 to 7 days, such as 1m, 5m, 1h, 1d`,
    );
  }
  return intervalSeconds;
}
