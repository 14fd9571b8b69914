import { z } from "@hono/zod-openapi";
import { InputError } from "../../canonical/input-error.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { formatTime, type Micros, seconds } from "../../canonical/time.ts";
import { checkedBy } from "../../http/query.ts";
import { needs } from "../../lib/cross-checks.ts";
import { andThen } from "../../lib/maybe-promise.ts";
import { expandPair } from "../../policy/expansion.ts";
import { NO_FLAGS } from "../answer.ts";
import type { Endpoint } from "../endpoint.ts";
import { timeText } from "./answer-fields.ts";
import { coveredOf, missingOf } from "./completeness.ts";
import { COVERAGE_EXAMPLE } from "./examples.ts";
import { askedPair, pairCheck, pairParameters } from "./pair-parameters.ts";
import type { Service } from "./service.ts";
import { timeParameter } from "./time-parameters.ts";

const DAY: Micros = seconds(86_400);
const MAX_AGE_SECONDS = 5;

const intervalsSchema = z.array(z.object({ from: timeText, to: timeText }));

const coverageSchema = z
  .object({
    pair: z.string().openapi({ description: "the pair that was asked for", example: "crypto:XLM/fiat:USD" }),
    from: timeText,
    to: timeText,
    feeds: z.array(
      z
        .object({
          feed: z.string().openapi({ example: "kraken:XLM-USD" }),
          source: z.string(),
          pair: z.string().openapi({ description: "the pair as stored" }),
          include_in_vwap: z.boolean().openapi({ description: "whether its trades count in prices" }),
          start: timeText.openapi({ description: "from when the feed is to be complete" }),
          complete_to: timeText.nullable().openapi({ description: "up to when it has come, apart from gaps" }),
          intervals: intervalsSchema.openapi({ description: "of which every trade is stored" }),
          gaps: intervalsSchema.openapi({ description: "of which trades may be missing" }),
        })
        .openapi("FeedCoverage"),
    ),
  })
  .openapi("Coverage");

function querySchema(service: Service) {
  const rangeOf = ({ from, to }: { from?: Micros | undefined; to?: Micros | undefined }) => {
    const end = to ?? service.now();
    const range = { from: from ?? end - DAY, to: end };
    if (range.from >= range.to) throw new InputError("is not before to");
    return range;
  };
  return z
    .strictObject({
      ...pairParameters,
      from: timeParameter("Start of the interval. Default: a day before `to`."),
      to: timeParameter("End of the interval (exclusive). Default: now."),
    })
    .superRefine(...pairCheck(service))
    .superRefine(checkedBy("from", rangeOf), needs("from", "to"))
    .transform((query): { pair: Pair; from: Micros; to: Micros } => ({
      pair: askedPair(query, service),
      ...rangeOf(query),
    }));
}

/** `GET /v1/coverage`: of which time the trades of a pair's feeds are complete. */
export function coverageEndpoint(service: Service): Endpoint<ReturnType<typeof querySchema>> {
  const { policy, completeness } = service;
  return {
    path: "/v1/coverage",
    tag: "Markets",
    operationId: "getCoverage",
    summary: "What is complete",
    description:
      "Returns, for each collected market whose trades count for the pair, the intervals of event time of which every trade is stored, and the gaps; at most the newest hundred gaps of a feed. Markets that others write into the database are not feeds, and not listed.",
    example: COVERAGE_EXAMPLE,
    query: querySchema(service),
    data: coverageSchema,
    problems: [],
    answer: ({ pair, from, to }) =>
      andThen(completeness.feeds(), (feeds) => {
        const pairs = new Set(expandPair(pair, policy).map(formatPair));
        const shown = feeds
          .filter((feed) => pairs.has(feed.pair))
          .map((feed) => ({
            ...{ feed: feed.feed, source: feed.source, pair: feed.pair },
            include_in_vwap: policy.registry.get(feed.source)?.includeInVwap === true,
            start: formatTime(feed.startAt),
            complete_to: feed.watermark === null ? null : formatTime(feed.watermark),
            intervals: coveredOf(feed, { from, to }).map(shownInterval),
            gaps: missingOf(feed, { from, to }).map(shownInterval),
          }));
        const data = { pair: formatPair(pair), from: formatTime(from), to: formatTime(to), feeds: shown };
        return { data: JSON.stringify(data), flags: NO_FLAGS, maxAgeSeconds: MAX_AGE_SECONDS };
      }),
  };
}

function shownInterval({ from, to }: { readonly from: Micros; readonly to: Micros }) {
  return { from: formatTime(from), to: formatTime(to) };
}
