import { z } from "@hono/zod-openapi";
import { andThen } from "../../lib/maybe-promise.ts";
import { countedSources } from "../../policy/class-filter.ts";
import { pricingOf } from "../../policy/pricing.ts";
import { computeTwap, twapText } from "../../policy/twap.ts";
import type { Endpoint } from "../endpoint.ts";
import { bucketFields, pairText, policyText, priceText } from "./answer-fields.ts";
import { bucketQuerySchema } from "./bucket-query.ts";
import { withCompleteness } from "./completeness.ts";
import { TWAP_EXAMPLE } from "./examples.ts";
import { answerOnDemand } from "./on-demand.ts";
import { noTrades, refusalProblem, withheldTrades } from "./refusal.ts";
import type { Service } from "./service.ts";
import { expandedPairs, withSnapshotByCost } from "./snapshot-by-cost.ts";

const timeWeightedSchema = z
  .object({
    pair: pairText,
    ...bucketFields,
    price: priceText,
    trade_count: z.int().positive().openapi({ description: "trades of the bucket after all filters" }),
    policy: policyText,
  })
  .openapi("TimeWeightedPrice");

/** `GET /v1/twap`: the time-weighted average price, computed on demand. */
export function twapEndpoint(service: Service): Endpoint<ReturnType<typeof bucketQuerySchema>> {
  const { database, policy, settings, now } = service;
  const compute = answerOnDemand(settings, (pair, bucket, client) =>
    withSnapshotByCost(
      database,
      { pairs: expandedPairs(service, pair), bucket, client },
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
  const computeRaw = answerOnDemand(settings, async (pair, bucket, client) => {
    const question = { sources: countedSources(policy), filter: null, carrySeconds: 0 };
    const pairs = expandedPairs(service, pair);
    const sums = await withSnapshotByCost(
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
    tag: "Prices",
    operationId: "getTwap",
    summary: "Time-weighted average price",
    description:
      "Each price is weighted by the time until the next trade or the bucket's end. Of trades with the same timestamp only the last counts, in the order of the trades. The bucket begins with the last price before it, if that is recent enough. The trades are those that form a price and that the policy keeps for the VWAP; where the VWAP is withheld, so is the TWAP. With `filter=none` every trade counts, and the time before the first one does not.",
    example: TWAP_EXAMPLE,
    query: bucketQuerySchema(service, settings.twapWindowSeconds, { filters: true }),
    data: timeWeightedSchema,
    problems: ["future-time", "bucket-not-closed", "price-not-found", "price-withheld", "raw-data-expired"],
    answer: (question, clientOf) =>
      andThen((question.isRaw ? computeRaw : compute)(question, now(), clientOf), (answered) =>
        withCompleteness(service, question.pair, answered),
      ),
  };
}
