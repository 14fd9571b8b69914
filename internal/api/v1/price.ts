import { z } from "@hono/zod-openapi";
import { latestClosed } from "../../canonical/bucket.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { type Micros, seconds } from "../../canonical/time.ts";
import { backendUnreachable } from "../../http/events.ts";
import { Problem } from "../../http/problem.ts";
import { asError } from "../../lib/as-error.ts";
import { andThen, type MaybePromise } from "../../lib/maybe-promise.ts";
import { makeSingleFlight } from "../../lib/single-flight.ts";
import type { TradeReader } from "../../policy/reader.ts";
import { ClockAhead, isTimedOut, isUnavailable, ReplayBehind } from "../../storage/connection/errors.ts";
import { withSnapshot } from "../../storage/windows/snapshot.ts";
import { type Answer, NO_FLAGS, secondsUntil } from "../answer.ts";
import type { Endpoint } from "../endpoint.ts";
import { pairText, policyText, priceText, timeText } from "./answer-fields.ts";
import { withCompleteness } from "./completeness.ts";
import { computePrice } from "./current-price.ts";
import { PRICE_EXAMPLE } from "./examples.ts";
import { nextClosing } from "./on-demand.ts";
import { askedPair, pairCheck, pairParameters } from "./pair-parameters.ts";
import { isStale, withReplayFallback } from "./replay-fallback.ts";
import type { Service } from "./service.ts";
import { readStored, type StoredTarget, storedAnswer, withDivergence } from "./stored-value.ts";

const priceSchema = z
  .object({
    pair: pairText,
    price: priceText,
    price_type: z.enum(["vwap", "held", "last_trade"]).openapi({
      description:
        "`vwap`: of the shortest window; `held`: an earlier VWAP, while the guard withholds the current one (docs/guard.md); `last_trade`: the window has no trades",
    }),
    as_of: timeText.openapi({ description: "end of the VWAP's bucket, or time of the last trade" }),
    window_seconds: z
      .int()
      .positive()
      .openapi({ description: "window of the VWAP, or of the outlier band that the last trade lies in" }),
    policy: policyText,
    reason: z.literal("guarded").optional().openapi({ description: "why an earlier value is held" }),
  })
  .openapi("CurrentPrice");

function querySchema(service: Service) {
  return z
    .strictObject(pairParameters)
    .superRefine(...pairCheck(service))
    .transform((query) => askedPair(query, service));
}

/** `GET /v1/price`: the best current price of a pair. */
export function priceEndpoint(service: Service): Endpoint<ReturnType<typeof querySchema>> {
  const { database, settings, now } = service;
  const share = makeSingleFlight<Omit<Answer, "maxAgeSeconds"> | Problem>();

  /** @throws ReplayBehind where the database that answers is not complete beyond `notBefore` */
  function computed(pair: Pair, now: Micros, clientOf: () => string, notBefore: Micros | null = null): Promise<Answer> {
    return withReplayFallback(now, async (asOf) => {
      const to = latestClosed(asOf.moment, settings.bucketSeconds, settings.settleSeconds);
      if (asOf.behind !== null && notBefore !== null && to <= notBefore) throw new ReplayBehind(to, asOf.behind);
      const answer = await computedAt(pair, to, clientOf);
      return {
        ...answer,
        flags: { ...answer.flags, stale: answer.flags.stale || isStale(asOf, settings) },
        maxAgeSeconds: asOf.behind === null ? secondsUntil(nextClosing(to, settings), now) : 0,
      };
    });
  }

  async function computedAt(pair: Pair, to: Micros, clientOf: () => string): Promise<Omit<Answer, "maxAgeSeconds">> {
    const answer = await share(`${formatPair(pair)} ${to}`, to, async () => {
      const ended = { to, settleSeconds: settings.settleSeconds };
      const read = (reader: TradeReader) => computePrice(reader, service, pair, to);
      const price = await withSnapshot(database.laneOf(clientOf(), false), read, ended);
      if (price instanceof Problem) return price;
      const { data, triangulated } = price;
      return {
        data: JSON.stringify(data),
        flags: {
          ...NO_FLAGS,
          stale: data.price_type !== "vwap",
          triangulated,
          ...(data.price_type === "held" ? { frozen: true } : {}),
        },
      };
    });
    if (answer instanceof Problem) throw answer;
    return answer;
  }

  function bestOf(
    { stored, isUnchanged }: StoredTarget,
    pair: Pair,
    moment: Micros,
    clientOf: () => string,
  ): MaybePromise<Answer> {
    if (stored === null) return computed(pair, moment, clientOf);
    const freshUntil = stored.to + seconds(settings.priceFreshnessSeconds);
    if (moment <= freshUntil) {
      return storedAnswer(service, { data: stored.price, stored, isUnchanged }, moment, freshUntil);
    }
    return computed(pair, moment, clientOf, stored.to).catch(async (error: unknown) => {
      // An old price that is marked as stale is better than none; a newer one may have been stored meanwhile.
      const isNotNow = error instanceof ClockAhead || error instanceof ReplayBehind;
      if (!isUnavailable(error) && !isTimedOut(error) && !isNotNow) throw error;
      backendUnreachable.publish({ server: "api", backend: "database", error: asError(error) });
      const { stored: newest } = await readStored(service, pair, stored.value.window_seconds, moment);
      const latest = newest ?? stored;
      return storedAnswer(service, { data: latest.price, stored: latest, isUnchanged: null }, moment, moment);
    });
  }

  return {
    path: "/v1/price",
    tag: "Prices",
    operationId: "getPrice",
    summary: "Current price",
    description:
      "Returns the best current price. `vwap`: the value of the shortest window, while it is fresh, otherwise computed for the latest closed bucket; through other markets where the pair has no price of its own (`flags.triangulated`). `held` (frozen, stale): the latest publishable value, while the guard withholds the current one. `last_trade` (stale): where the shortest window has no trades and the longest window is publishable, the last trade that forms a price, within that window's outlier band and within `guard_factor` of its VWAP.",
    example: PRICE_EXAMPLE,
    query: querySchema(service),
    data: priceSchema,
    isCompared: true,
    problems: ["price-not-found", "price-withheld", "raw-data-expired"],
    answer: (pair, clientOf) => {
      const moment = now();
      const [shortest = 0] = settings.windows;
      const best =
        service.configuredPair(pair) === null
          ? computed(pair, moment, clientOf)
          : andThen(readStored(service, pair, shortest, moment), (target) =>
              andThen(bestOf(target, pair, moment, clientOf), (answer) => withDivergence(answer, target.divergence)),
            );
      return andThen(best, (answer) => withCompleteness(service, pair, answer));
    },
  };
}
