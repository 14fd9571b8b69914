import { z } from "@hono/zod-openapi";
import { countedSources } from "../../aggregate/class-filter.ts";
import { expandPair } from "../../aggregate/expansion.ts";
import { timeWeightedPrice } from "../../aggregate/twap.ts";
import { formatDecimal } from "../../canonical/decimal.ts";
import { publishedBucket } from "../../canonical/published.ts";
import { withSnapshot } from "../../storage/snapshot.ts";
import type { Endpoint } from "../endpoint.ts";
import { onTheSpot } from "./on-the-spot.ts";
import { questionSchema } from "./question.ts";
import { noTrades } from "./refusal.ts";
import type { Service } from "./service.ts";
import { bucketFields, pairText, policyText, priceText } from "./values.ts";

const timeWeightedSchema = z
  .object({
    pair: pairText,
    ...bucketFields,
    price: priceText,
    trade_count: z.int().positive().openapi({ description: "trades of the bucket that count" }),
    policy: policyText,
  })
  .openapi("TimeWeightedPrice");

/** `GET /v1/twap`: the time-weighted average price, computed now. */
export function twapEndpoint(service: Service): Endpoint<ReturnType<typeof questionSchema>> {
  const { database, policy, settings, now } = service;
  const compute = onTheSpot(settings, async (pair, bucket) => {
    const sums = await withSnapshot(
      database,
      (reader) =>
        reader.timeWeighted(expandPair(pair, policy), bucket, {
          sources: countedSources(policy),
          filter: null,
          carrySeconds: 0,
        }),
      bucket.to,
    );
    const price = timeWeightedPrice(sums);
    if (price === null) return noTrades(pair, bucket);
    const data = JSON.stringify({
      ...publishedBucket(pair, bucket),
      price: formatDecimal(price),
      trade_count: sums.tradeCount,
      policy: policy.id,
    });
    return { data, triangulated: false };
  });
  return {
    path: "/v1/twap",
    operationId: "getTwap",
    summary: "Time-weighted average price",
    description:
      "Each price stands until the next trade or the bucket's end; of several at one instant the last stands; time before the first trade does not count. The trades are those that count for the VWAP, without outlier filter and volume floor.",
    query: questionSchema(service, settings.twapWindowSeconds),
    data: timeWeightedSchema,
    problems: ["future-time", "bucket-not-closed", "price-not-found", "raw-data-expired"],
    answer: (question) => compute(question, now()),
  };
}
