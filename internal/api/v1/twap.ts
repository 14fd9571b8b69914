import { z } from "@hono/zod-openapi";
import { countedSources } from "../../aggregate/class-filter.ts";
import { pricingOf } from "../../aggregate/pricing.ts";
import { computeTwap, twapText } from "../../aggregate/twap.ts";
import type { Endpoint } from "../endpoint.ts";
import { onTheSpot } from "./on-the-spot.ts";
import { questionSchema } from "./question.ts";
import { noTrades, refusalProblem, withheldTrades } from "./refusal.ts";
import type { Service } from "./service.ts";
import { bucketFields, pairText, policyText, priceText } from "./values.ts";
import { storedPairs, withWeighedSnapshot } from "./weighed.ts";

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
  const compute = onTheSpot(settings, (pair, bucket, client) =>
    withWeighedSnapshot(
      database,
      { pairs: storedPairs(service, pair), bucket, client },
      async (reader) => {
        const known = await service.policyOf(reader, pair);
        const own = await pricingOf(reader, known, [pair], { maxTrades: settings.maxTrades }).own(pair, bucket);
        const data = await computeTwap(reader, policy, pair, bucket, own);
        if (data !== null) return { data, triangulated: false };
        return own.value === null
          ? refusalProblem({ own, triangulation: null }, policy, pair, bucket)
          : withheldTrades(pair, bucket);
      },
      { to: bucket.to, settleSeconds: settings.settleSeconds },
    ),
  );
  const computeRaw = onTheSpot(settings, async (pair, bucket, client) => {
    const question = { sources: countedSources(policy), filter: null, carrySeconds: 0 };
    const pairs = storedPairs(service, pair);
    const sums = await withWeighedSnapshot(
      database,
      { pairs, bucket, client },
      async (reader) => reader.timeWeighted(await pairs(reader), bucket, question),
      { to: bucket.to, settleSeconds: settings.settleSeconds },
    );
    const data = twapText(policy, pair, bucket, sums);
    return data === null ? noTrades(pair, bucket) : { data, triangulated: false };
  });
  return {
    path: "/v1/twap",
    operationId: "getTwap",
    summary: "Time-weighted average price",
    description:
      "Each price stands until the next trade or the bucket's end; of several at one instant the last stands; the last price from before the bucket, if it is recent enough, stands at its start. The trades are those that form a price and that the policy keeps for the VWAP of the bucket; where that is withheld, so is this. With `filter=none` every trade counts, and time before the first one does not.",
    query: questionSchema(service, settings.twapWindowSeconds, { filters: true }),
    data: timeWeightedSchema,
    problems: ["future-time", "bucket-not-closed", "price-not-found", "price-withheld", "raw-data-expired"],
    answer: (question, clientOf) => (question.isRaw ? computeRaw : compute)(question, now(), clientOf),
  };
}
