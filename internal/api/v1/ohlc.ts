import { z } from "@hono/zod-openapi";
import { type CandlePage, candleOf, isCandleInterval } from "../../aggregate/candles.ts";
import { countedSources } from "../../aggregate/class-filter.ts";
import { expandPair } from "../../aggregate/expansion.ts";
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
import { needs } from "../../config/cross-checks.ts";
import { readCandles } from "../../storage/candles.ts";
import { NO_FLAGS, PAST_MAX_AGE_SECONDS, secondsUntil } from "../answer.ts";
import type { Endpoint } from "../endpoint.ts";
import { checkedBy, PARAMETER_ERRORS, parsedBy } from "../query.ts";
import { makeShare } from "../share.ts";
import { cursorParameter, limitParameter, nextSchema } from "./page-parameters.ts";
import { askedPair, pairCheck, pairParameters } from "./pair-parameters.ts";
import type { Service } from "./service.ts";
import { readTime, timeParameter } from "./time-parameters.ts";
import { pairText, policyText, priceText, timeText, volumeText } from "./values.ts";

const DEFAULT_INTERVALS = 100n;

const candlesSchema = z
  .object({
    pair: pairText,
    interval_seconds: z.int().positive().openapi({ description: "length of a candle" }),
    candles: z.array(
      z
        .object({
          from: timeText.openapi({ description: "start of the candle" }),
          to: timeText.openapi({ description: "end of the candle, which it does not include" }),
          open: priceText.openapi({ description: "of its first trade" }),
          high: priceText.openapi({ description: "the highest" }),
          low: priceText.openapi({ description: "the lowest" }),
          close: priceText.openapi({ description: "of its last trade" }),
          base_volume: volumeText,
          quote_volume: volumeText,
          trade_count: z.int().positive(),
          vwap: priceText.openapi({ description: "quote volume over base volume" }),
        })
        .openapi("Candle"),
    ),
    next: nextSchema,
    policy: policyText,
  })
  .openapi("Candles");

interface CandleQuery {
  readonly pair: Pair;
  readonly intervalSeconds: number;
  readonly from: Micros | null;
  readonly to: Micros | null;
  readonly limit: number;
}

function querySchema(service: Service) {
  return z
    .strictObject({
      ...pairParameters,
      interval: z.string(PARAMETER_ERRORS).transform(parsedBy(readInterval)).openapi({
        type: "string",
        description:
          "The length of a candle: whole minutes that divide a day (`1m`, `5m`, `4h`), or 1 to 7 days (`1d`, `24h`). Candles are aligned to 1970-01-01T00:00:00Z.",
        example: "1h",
      }),
      from: timeParameter("No candle begins before it; 100 intervals before `to` by default.").optional(),
      to: timeParameter(
        "No candle ends after it; by default, and at most, the end of the latest closed one.",
      ).optional(),
      limit: limitParameter,
      cursor: cursorParameter(readTime).optional(),
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
      }),
    );
}

/** `GET /v1/ohlc`: candles, in pages. */
export function ohlcEndpoint(service: Service): Endpoint<ReturnType<typeof querySchema>> {
  const { database, policy, settings, now } = service;
  const share = makeShare<CandlePage>();
  return {
    path: "/v1/ohlc",
    operationId: "getCandles",
    summary: "Candles",
    description:
      "Closed candles in time order; intervals without trades are left out. The trades are those that count for the VWAP, without outlier filter and volume floor. For the next page, repeat the query with `cursor`.",
    query: querySchema(service),
    data: candlesSchema,
    problems: ["raw-data-expired"],
    answer: async (query) => {
      const moment = now();
      const { pair, intervalSeconds, limit } = query;
      const latest = latestClosed(moment, intervalSeconds, settings.settleSeconds);
      const range = rangeOf(query, latest);
      const key = `${formatPair(pair)} ${intervalSeconds} ${range.from} ${range.to} ${limit}`;
      const { candles, next } = await share(key, null, () =>
        readCandles(database, {
          pairs: expandPair(pair, policy),
          sources: countedSources(policy),
          intervalSeconds,
          range,
          limit,
        }),
      );
      const nextCandle = latest + seconds(intervalSeconds + settings.settleSeconds);
      return {
        data: JSON.stringify({
          pair: formatPair(pair),
          interval_seconds: intervalSeconds,
          candles: candles.map((sums) => candleOf(sums, intervalSeconds)),
          next: next === null ? null : formatTime(next),
          policy: policy.id,
        }),
        flags: NO_FLAGS,
        maxAgeSeconds:
          range.to < latest ? PAST_MAX_AGE_SECONDS : Math.min(PAST_MAX_AGE_SECONDS, secondsUntil(nextCandle, moment)),
      };
    },
  };
}

/** The whole, closed intervals that are asked for. */
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
      `${formatDuration(Math.floor(intervalSeconds))} does not fit: use whole minutes that divide a day, or 1 to 7 days, such as 1m, 5m, 1h, 1d`,
    );
  }
  return intervalSeconds;
}
