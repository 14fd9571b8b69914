import { z } from "@hono/zod-openapi";
import type { TradeReader } from "../../aggregate/reader.ts";
import { asError } from "../../canonical/as-error.ts";
import { latestClosed } from "../../canonical/bucket.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { type Micros, seconds } from "../../canonical/time.ts";
import { backendUnreachable } from "../../obs/api-events.ts";
import { ClockAhead, isTimedOut, isUnavailable, ReplayBehind } from "../../storage/errors.ts";
import { withSnapshot } from "../../storage/snapshot.ts";
import { after, type Soon } from "../after.ts";
import { type Answer, NO_FLAGS, secondsUntil } from "../answer.ts";
import type { Endpoint } from "../endpoint.ts";
import { Problem } from "../problem.ts";
import { makeShare } from "../share.ts";
import { computePrice } from "./current-price.ts";
import { nextClosing } from "./on-the-spot.ts";
import { askedPair, pairCheck, pairParameters } from "./pair-parameters.ts";
import type { Service } from "./service.ts";
import { readStored, type StoredTarget, storedAnswer, withDivergence } from "./stored-value.ts";
import { pairText, policyText, priceText, timeText } from "./values.ts";
import { isStale, whereComplete } from "./where-complete.ts";

const priceSchema = z
  .object({
    pair: pairText,
    price: priceText,
    price_type: z.enum(["vwap", "held", "last_trade"]).openapi({
      description:
        "`held`: the latest earlier VWAP that was publishable, while the guard withholds the present one; see docs/guard.md",
    }),
    as_of: timeText.openapi({ description: "end of the VWAP's bucket, or when the last trade was" }),
    window_seconds: z
      .int()
      .positive()
      .openapi({ description: "window that the VWAP covers, or whose outlier band the last trade lies in" }),
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
  const share = makeShare<Omit<Answer, "maxAgeSeconds"> | Problem>();

  /** @throws ReplayBehind where the database that answers is complete no farther than `notBefore` */
  function computed(pair: Pair, now: Micros, clientOf: () => string, notBefore: Micros | null = null): Promise<Answer> {
    return whereComplete(now, async (asOf) => {
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

  function bestOf({ stored, holds }: StoredTarget, pair: Pair, moment: Micros, clientOf: () => string): Soon<Answer> {
    if (stored === null) return computed(pair, moment, clientOf);
    const freshUntil = stored.to + seconds(settings.priceFreshnessSeconds);
    if (moment <= freshUntil) {
      return storedAnswer(service, { data: stored.price, stored, holds }, moment, freshUntil);
    }
    return computed(pair, moment, clientOf, stored.to).catch(async (error: unknown) => {
      // An older price that says so is worth more than none; there may be a newer one by now.
      const isNotNow = error instanceof ClockAhead || error instanceof ReplayBehind;
      if (!isUnavailable(error) && !isTimedOut(error) && !isNotNow) throw error;
      backendUnreachable.publish({ backend: "database", error: asError(error) });
      const { stored: newest } = await readStored(service, pair, stored.value.window_seconds, moment);
      const latest = newest ?? stored;
      return storedAnswer(service, { data: latest.price, stored: latest, holds: null }, moment, moment);
    });
  }

  return {
    path: "/v1/price",
    operationId: "getPrice",
    summary: "Current price",
    description:
      "`vwap`: the shortest window's value while it is fresh, else computed for the latest closed bucket; where the pair's own trades give none, through other markets (`flags.triangulated`). `held`, frozen and stale: the latest earlier value, where the guard withholds the present one. `last_trade`, stale: where that window has no trades, and only if the longest window would be published; it is the last trade that forms a price, lies inside that window's outlier band and within `guard_factor` of its VWAP.",
    query: querySchema(service),
    data: priceSchema,
    isCompared: true,
    problems: ["price-not-found", "price-withheld", "raw-data-expired"],
    answer: (pair, clientOf) => {
      const moment = now();
      const [shortest = 0] = settings.windows;
      if (service.configuredPair(pair) === null) return computed(pair, moment, clientOf);
      return after(readStored(service, pair, shortest, moment), (target) =>
        after(bestOf(target, pair, moment, clientOf), (answer) => withDivergence(answer, target.divergence)),
      );
    },
  };
}
