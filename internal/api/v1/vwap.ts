import { z } from "@hono/zod-openapi";
import { computeValue } from "../../aggregate/compute.ts";
import { serializePublished } from "../../canonical/published.ts";
import { withSnapshot } from "../../storage/snapshot.ts";
import type { Endpoint } from "../endpoint.ts";
import { onTheSpot } from "./on-the-spot.ts";
import { isCurrent, type Question, questionSchema } from "./question.ts";
import { refusalProblem } from "./refusal.ts";
import type { Service } from "./service.ts";
import { readStored, storedAnswer } from "./stored-value.ts";
import { pairText, policyText, priceText, timeText, volumeText } from "./values.ts";

const count = z.int().nonnegative();

const publishedSchema = z
  .object({
    pair: pairText,
    window_seconds: z.int().positive(),
    from: timeText,
    to: timeText,
    price: priceText,
    base_volume: volumeText,
    quote_volume: volumeText,
    usd_volume: z.string().nullable().openapi({ description: "null where no rate to USD is known" }),
    trade_count: count,
    sources: z.array(
      z.object({
        source: z.string(),
        trade_count: count,
        base_volume: volumeText,
        quote_volume: volumeText,
        share: z.string().openapi({ description: "part of the quote volume, 6 decimals", example: "0.788498" }),
      }),
    ),
    dropped: z
      .object({ class: count, outlier: count })
      .openapi({ description: "trades left out, by the filter that did" }),
    policy: policyText,
    provenance: z.literal("triangulated").optional(),
  })
  .openapi("PublishedValue");

/** `GET /v1/vwap`: the published value of a target; anything else is computed on the spot under the same policy. */
export function vwapEndpoint(service: Service): Endpoint<ReturnType<typeof questionSchema>> {
  const { database, policy, settings, now } = service;
  const compute = onTheSpot(settings, async (pair, bucket) => {
    const computation = await withSnapshot(database, (reader) =>
      computeValue(reader, policy, pair, bucket, { maxTrades: settings.maxTrades }),
    );
    return computation.value === null
      ? refusalProblem(computation, policy, pair, bucket)
      : serializePublished(computation.value);
  });
  return {
    path: "/v1/vwap",
    operationId: "getVwap",
    summary: "Volume-weighted average price",
    description:
      "The value as the aggregator published it. For a pair or window that it does not keep, or with `at`, or with `from` and `to`, the value is computed now, by the same policy and to the same bytes.",
    query: questionSchema(service, settings.vwapWindowSeconds),
    data: publishedSchema,
    problems: ["future-time", "bucket-not-closed", "price-not-found", "price-withheld", "raw-data-expired"],
    answer: async (question) => {
      const moment = now();
      if (isTarget(service, question)) {
        const stored = await readStored(service, question.pair, question.windowSeconds, moment);
        if (stored !== null) return storedAnswer(stored, settings, moment);
      }
      return compute(question, moment);
    },
  };
}

function isTarget(
  { configuredPair, settings }: Service,
  question: Question,
): question is Question & { windowSeconds: number } {
  const { pair, windowSeconds } = question;
  return (
    isCurrent(question) &&
    windowSeconds !== null &&
    settings.windows.includes(windowSeconds) &&
    configuredPair(pair) !== null
  );
}
