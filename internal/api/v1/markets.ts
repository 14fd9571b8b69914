import { z } from "@hono/zod-openapi";
import type { Asset } from "../../canonical/asset.ts";
import { bucketEndingAt, latestClosed, MINUTE } from "../../canonical/bucket.ts";
import { formatDecimal, roundPublished } from "../../canonical/decimal.ts";
import { InputError } from "../../canonical/input-error.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { formatTime, type Micros, seconds } from "../../canonical/time.ts";
import { makeSingleFlight } from "../../lib/single-flight.ts";
import { type Market, type MarketPage, readMarkets } from "../../storage/trades/markets.ts";
import { type Answer, NO_FLAGS, secondsUntil } from "../answer.ts";
import type { Endpoint } from "../endpoint.ts";
import { priceText, timeText, volumeText } from "./answer-fields.ts";
import { MARKETS_EXAMPLE } from "./examples.ts";
import { cursorParameter, limitParameter, nextSchema } from "./page-parameters.ts";
import { type AsOf, isStale, withReplayFallback } from "./replay-fallback.ts";
import type { Service } from "./service.ts";

const MINUTE_SECONDS = 60;
const DAY_SECONDS = 86_400;
const CURSOR = /^([A-Za-z0-9:-]{1,80})\/([A-Za-z0-9:-]{1,80})$/;

const querySchema = z.strictObject({ limit: limitParameter, cursor: cursorParameter(readCursor).optional() });

const marketsSchema = z
  .object({
    from: timeText.openapi({ description: "start of the 24 hours" }),
    to: timeText.openapi({ description: "end of the 24 hours, at a closed minute; later trades do not count" }),
    markets: z.array(
      z
        .object({
          pair: z.string().openapi({ description: "the pair as stored", example: "crypto:XLM/crypto:USDC" }),
          last_trade: z.object({ ts: timeText, price: priceText, source: z.string() }),
          trade_count_24h: z.int().nonnegative(),
          base_volume_24h: volumeText,
          quote_volume_24h: volumeText,
        })
        .openapi("Market"),
    ),
    next: nextSchema,
  })
  .openapi("Markets");

/** `GET /v1/markets`: all traded pairs, over all sources. */
export function marketsEndpoint({ database, settings, now }: Service): Endpoint<typeof querySchema> {
  const share = makeSingleFlight<MarketPage>();
  return {
    path: "/v1/markets",
    tag: "Markets",
    operationId: "getMarkets",
    summary: "Traded pairs",
    description:
      "Returns every stored pair, over all sources and without any policy, sorted bytewise by base and quote. For the next page, repeat the query with `cursor`.",
    example: MARKETS_EXAMPLE,
    query: querySchema,
    data: marketsSchema,
    problems: ["raw-data-expired"],
    answer: ({ limit, cursor = null }, clientOf) => {
      const moment = now();
      return withReplayFallback(moment, (asOf) => page({ limit, cursor }, moment, asOf, clientOf()));
    },
  };

  async function page(
    { limit, cursor }: { readonly limit: number; readonly cursor: Pair | null },
    now: Micros,
    asOf: AsOf,
    client: string,
  ): Promise<Answer> {
    const { settleSeconds } = settings;
    const to = latestClosed(asOf.moment, MINUTE_SECONDS, settleSeconds);
    const period = bucketEndingAt(to, DAY_SECONDS);
    const key = `${to} ${cursor === null ? "" : formatPair(cursor)} ${limit}`;
    const question = { period, after: cursor, limit };
    const { markets, next } = await share(key, to, () =>
      readMarkets(database.laneOf(client, false), question, { to, settleSeconds }),
    );
    return {
      data: JSON.stringify({
        from: formatTime(period.from),
        to: formatTime(to),
        markets: markets.map(shown),
        next: next === null ? null : formatPair(next),
      }),
      flags: { ...NO_FLAGS, stale: isStale(asOf, settings) },
      maxAgeSeconds: asOf.behind === null ? secondsUntil(to + MINUTE + seconds(settleSeconds), now) : 0,
    };
  }
}

/** Parses a cursor: a stored pair, whose pattern in the database is looser than that of a pair parameter. */
function readCursor(text: string): Pair {
  const [, base, quote] = CURSOR.exec(text) ?? [];
  if (base === undefined || quote === undefined) throw new InputError("is not the next of a previous page");
  return { base: base as Asset, quote: quote as Asset };
}

function shown({ pair, lastTrade, tradeCount, baseVolume, quoteVolume }: Market) {
  return {
    pair: formatPair(pair),
    last_trade: {
      ts: formatTime(lastTrade.ts),
      price: formatDecimal(roundPublished(lastTrade.price)),
      source: lastTrade.source,
    },
    trade_count_24h: tradeCount,
    base_volume_24h: formatDecimal(baseVolume),
    quote_volume_24h: formatDecimal(quoteVolume),
  };
}
