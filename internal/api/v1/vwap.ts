import { z } from "@hono/zod-openapi";
import { pricingOf } from "../../aggregate/pricing.ts";
import { publishedBy } from "../../aggregate/published-value.ts";
import type { TradeReader } from "../../aggregate/reader.ts";
import { serializePublished } from "../../canonical/published.ts";
import { withSnapshot } from "../../storage/snapshot.ts";
import { after } from "../after.ts";
import type { Endpoint } from "../endpoint.ts";
import { withConfidence } from "./confidence.ts";
import { onTheSpot } from "./on-the-spot.ts";
import { isCurrent, questionSchema } from "./question.ts";
import { refusalProblem } from "./refusal.ts";
import type { Service } from "./service.ts";
import { readStored, storedAnswer, withDivergence } from "./stored-value.ts";
import { makeTriangulatedAgreements } from "./triangulated-agreement.ts";
import { bucketFields, pairText, policyText, priceText, timeText, volumeText } from "./values.ts";
import { storedPairs, withWeighedSnapshot } from "./weighed.ts";

const PATH = "/v1/vwap";

const count = z.int().nonnegative();

const publishedSchema = z
  .object({
    pair: pairText,
    ...bucketFields,
    price: priceText,
    base_volume: volumeText,
    quote_volume: volumeText,
    usd_volume: z.string().nullable().openapi({ description: "null where no rate to USD is known" }),
    trade_count: count.openapi({ description: "trades that count" }),
    sources: z.array(
      z.object({
        source: z.string().openapi({ description: "where the trades come from, by name in /v1/sources" }),
        trade_count: count,
        base_volume: volumeText,
        quote_volume: volumeText,
        share: z.string().openapi({ description: "part of the quote volume, 6 decimals", example: "0.788498" }),
      }),
    ),
    dropped: z
      .object({ class: count, outlier: count, venue: count.optional(), peg: count.optional() })
      .openapi({ description: "trades left out, by the filter that did" }),
    policy: policyText,
    provenance: z.literal("triangulated").optional().openapi({
      description: "present where the price comes from other markets; volumes, count and sources are then 0 and empty",
    }),
    legs: z
      .array(
        z.object({
          pair: pairText,
          price: priceText,
          inverted: z.boolean().openapi({ description: "read from the market the other way round" }),
          method: z
            .enum(["vwap", "fx"])
            .openapi({ description: "the market's VWAP of the same bucket, or an exchange rate" }),
          usd_volume: z.string().nullable().optional().openapi({ description: "of the market; not of a rate" }),
          trade_count: count.optional(),
          source: z.string().optional().openapi({ description: "of the exchange rate" }),
          as_of: timeText.optional().openapi({ description: "when the exchange rate is of" }),
        }),
      )
      .optional()
      .openapi({ description: "the markets that a triangulated price leads through" }),
  })
  .openapi("PublishedValue");

/** `GET /v1/vwap`: the published value of a target; anything else is computed on the spot under the same policy. */
export function vwapEndpoint(service: Service): Endpoint<ReturnType<typeof questionSchema>> {
  const { database, policy, settings, now } = service;
  const compute = onTheSpot(settings, async (pair, bucket, client) => {
    const read = async (reader: TradeReader) => {
      const known = await service.policyOf(reader, pair);
      return publishedBy(pricingOf(reader, known, [pair], { maxTrades: settings.maxTrades }), pair, bucket);
    };
    const ended = { to: bucket.to, settleSeconds: settings.settleSeconds };
    // Sums come from rollups; medians are of raw trades.
    const published =
      policy.outlierMethod === "mad"
        ? await withWeighedSnapshot(database, { pairs: storedPairs(service, pair), bucket, client }, read, ended)
        : await withSnapshot(database.laneOf(client, false), read, ended);
    const { value } = published;
    if (value === null) return refusalProblem(published, policy, pair, bucket);
    return { data: serializePublished(value), triangulated: value.provenance === "triangulated" };
  });
  const agreementOf = makeTriangulatedAgreements(service, service.load, PATH);
  return {
    path: PATH,
    operationId: "getVwap",
    summary: "Volume-weighted average price",
    description:
      "The value as the aggregator published it. For a pair or window that it does not keep, or with `at`, or with `from` and `to`, the value is computed now, by the same policy and to the same bytes.",
    query: questionSchema(service, settings.vwapWindowSeconds),
    data: publishedSchema,
    isCompared: true,
    isRated: true,
    problems: ["future-time", "bucket-not-closed", "price-not-found", "price-withheld", "raw-data-expired"],
    answer: (question, clientOf) => {
      const moment = now();
      const { pair, windowSeconds } = question;
      if (!isCurrent(question) || windowSeconds === null || service.configuredPair(pair) === null) {
        return compute(question, moment, clientOf);
      }
      return after(readStored(service, pair, windowSeconds, moment), ({ stored, divergence, confidence, holds }) => {
        const answer =
          stored === null
            ? compute(question, moment, clientOf)
            : storedAnswer(service, { data: stored.text, stored, holds }, moment);
        return after(answer, (answered) => {
          const compared = withDivergence(answered, divergence);
          if (stored === null || confidence === null) return compared;
          return after(agreementOf(pair, stored), (triangulated) =>
            withConfidence(compared, confidence, divergence, triangulated),
          );
        });
      });
    },
  };
}
