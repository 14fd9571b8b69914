import { publishedSchema, serializePublished } from "../../canonical/published.ts";
import { andThen } from "../../lib/maybe-promise.ts";
import { pricingOf } from "../../policy/pricing.ts";
import { publishedBy } from "../../policy/published-value.ts";
import type { TradeReader } from "../../policy/reader.ts";
import { withSnapshot } from "../../storage/windows/snapshot.ts";
import type { Answer } from "../answer.ts";
import { documented } from "../documented.ts";
import type { Endpoint } from "../endpoint.ts";
import { bucketQuerySchema, isCurrent } from "./bucket-query.ts";
import { withCompleteness } from "./completeness.ts";
import { withConfidence } from "./confidence.ts";
import { VWAP_EXAMPLE } from "./examples.ts";
import { answerOnDemand } from "./on-demand.ts";
import { refusalProblem } from "./refusal.ts";
import type { Service } from "./service.ts";
import { expandedPairs, withSnapshotByCost } from "./snapshot-by-cost.ts";
import { readStored, storedAnswer, withDivergence } from "./stored-value.ts";
import { makeTriangulatedAgreements } from "./triangulated-agreement.ts";

const PATH = "/v1/vwap";

// Built once: the library keeps described schemas for the life of the process, and endpoints are rebuilt at each reload.
const publishedAnswer = documented(publishedSchema).openapi("PublishedValue");

/** `GET /v1/vwap`: the published value of a target; any other value is computed on demand under the same policy. */
export function vwapEndpoint(service: Service): Endpoint<ReturnType<typeof bucketQuerySchema>> {
  const { database, policy, settings, now } = service;
  const compute = answerOnDemand(settings, async (pair, bucket, client) => {
    const read = async (reader: TradeReader) => {
      const known = await service.policyOf(reader, pair);
      return publishedBy(pricingOf(reader, known, [pair], { maxTrades: settings.maxTrades }), pair, bucket);
    };
    const ended = { to: bucket.to, settleSeconds: settings.settleSeconds };
    // Sums come from rollups and cost little; medians read raw trades.
    const published =
      policy.outlierMethod === "mad"
        ? await withSnapshotByCost(database, { pairs: expandedPairs(service, pair), bucket, client }, read, ended)
        : await withSnapshot(database.laneOf(client, false), read, ended);
    const { value } = published;
    if (value === null) return refusalProblem(published, policy, pair, bucket);
    return { data: serializePublished(value), triangulated: value.provenance === "triangulated" };
  });
  const agreementOf = makeTriangulatedAgreements(service, service.admission, PATH);
  return {
    path: PATH,
    tag: "Prices",
    operationId: "getVwap",
    summary: "Volume-weighted average price",
    description:
      "Returns the value that the aggregator published. For other pairs or windows, and with `at` or `from` and `to`, the value is computed on demand; it has the bytes that the aggregator would publish.",
    example: VWAP_EXAMPLE,
    query: bucketQuerySchema(service, settings.vwapWindowSeconds),
    data: publishedAnswer,
    isCompared: true,
    isRated: true,
    problems: ["future-time", "bucket-not-closed", "price-not-found", "price-withheld", "raw-data-expired"],
    answer: (question, clientOf) => {
      const moment = now();
      const { pair, windowSeconds } = question;
      const marked = (answer: Answer) => withCompleteness(service, pair, answer);
      if (!isCurrent(question) || windowSeconds === null || service.configuredPair(pair) === null) {
        return andThen(compute(question, moment, clientOf), marked);
      }
      const current = andThen(
        readStored(service, pair, windowSeconds, moment),
        ({ stored, divergence, confidence, isUnchanged }) => {
          const answer =
            stored === null
              ? compute(question, moment, clientOf)
              : storedAnswer(service, { data: stored.text, stored, isUnchanged }, moment);
          return andThen(answer, (answered) => {
            const compared = withDivergence(answered, divergence);
            if (stored === null || confidence === null) return compared;
            return andThen(agreementOf(pair, stored), (triangulated) =>
              withConfidence(compared, confidence, divergence, triangulated),
            );
          });
        },
      );
      return andThen(current, marked);
    },
  };
}
