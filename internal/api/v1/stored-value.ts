import { confidenceKey, divergenceKey, vwapKey } from "../../cache/keys.ts";
import { PoisonedValueError } from "../../cache/value.ts";
import { asError } from "../../canonical/as-error.ts";
import { isClosed, latestClosed } from "../../canonical/bucket.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { earlierOf, floorTo, type Micros, seconds } from "../../canonical/time.ts";
import { backendUnreachable, foreignPolicy, storedValueRefused } from "../../obs/api-events.ts";
import type { Soon } from "../after.ts";
import { type Answer, type Flags, NO_FLAGS, secondsUntil } from "../answer.ts";
import type { ApiSettings } from "../context.ts";
import type { Service } from "./service.ts";
import type { StoredConfidence, StoredDivergence, StoredValue } from "./stored-texts.ts";

/** What the store holds of a target. */
export interface StoredTarget {
  readonly stored: StoredValue | null;
  /** What the latest check of the pair against references gave; null where there was none lately. */
  readonly divergence: StoredDivergence | null;
  /** How far the stored value can be relied on; null where that is not known. */
  readonly confidence: StoredConfidence | null;
  /** Whether the store would be read as it was; null where that cannot be told without asking it. */
  readonly holds: (() => boolean) | null;
}

/**
 * What is stored of a target; null for what cannot be served: it is missing, not what an aggregator writes, not closed by
 * this API's clock, or the store does not answer. All but the first are reported.
 */
export function readStored(service: Service, pair: Pair, windowSeconds: number, now: Micros): Soon<StoredTarget> {
  const keys = [vwapKey(pair, windowSeconds), divergenceKey(pair), confidenceKey(pair, windowSeconds)];
  const texts = service.copies.read(keys);
  const targetOf = ([value = null, kept = null, rated = null]: readonly (string | null)[]): StoredTarget => {
    const stored = value === null ? null : servable(service, pair, windowSeconds, now, value);
    const divergence = kept === null ? null : comparisonOf(service, pair, kept);
    const confidence =
      rated === null || stored === null ? null : confidenceOf(service, pair, windowSeconds, stored, rated);
    // What is set aside is set aside, and reported, each time it is asked for.
    const isSound =
      (kept === null || divergence !== null) && (rated === null || stored === null || confidence !== null);
    return {
      stored,
      divergence,
      confidence,
      holds: isSound && !(texts instanceof Promise) ? service.copies.lease(keys) : null,
    };
  };
  if (!(texts instanceof Promise)) return targetOf(texts);
  return texts.then(targetOf, (error: unknown) => {
    backendUnreachable.publish({ backend: "store", error: asError(error) });
    return { stored: null, divergence: null, confidence: null, holds: null };
  });
}

function comparisonOf({ storedTexts }: Service, pair: Pair, text: string): StoredDivergence | null {
  const key = divergenceKey(pair);
  const compared = unlessPoisoned(storedTexts.divergence, key, text);
  if (compared === null || compared.divergence.pair === formatPair(pair)) return compared;
  storedValueRefused.publish({ key, reason: `it is of ${compared.divergence.pair}` });
  return null;
}

/** The confidence is of another bucket for the moment in which both are written. */
function confidenceOf(
  { storedTexts }: Service,
  pair: Pair,
  windowSeconds: number,
  { value }: StoredValue,
  text: string,
): StoredConfidence | null {
  const rated = unlessPoisoned(storedTexts.confidence, confidenceKey(pair, windowSeconds), text);
  return rated?.confidence.pair === value.pair && rated.confidence.to === value.to ? rated : null;
}

function servable(
  { settings, policy, reportedPolicies, storedTexts }: Service,
  pair: Pair,
  windowSeconds: number,
  now: Micros,
  text: string,
): StoredValue | null {
  const key = vwapKey(pair, windowSeconds);
  const stored = unlessPoisoned(storedTexts.value, key, text);
  if (stored === null) return null;
  const { value, to } = stored;
  if (value.pair !== formatPair(pair) || value.window_seconds !== windowSeconds) {
    storedValueRefused.publish({ key, reason: `it is of ${value.pair} over ${value.window_seconds} s` });
    return null;
  }
  if (!isClosed(to, now, settings.settleSeconds)) {
    storedValueRefused.publish({ key, reason: `its bucket, to ${value.to}, is not closed yet` });
    return null;
  }
  if (value.policy !== policy.id && !reportedPolicies.has(value.policy)) {
    reportedPolicies.add(value.policy);
    foreignPolicy.publish({ key, policy: value.policy });
  }
  return stored;
}

export function storedFlags({ value, to }: StoredValue, settings: ApiSettings, now: Micros): Flags {
  const { intervalSeconds, settleSeconds } = settings;
  // The interval under way is the aggregator's time to publish.
  const due = latestClosed(now, intervalSeconds, settleSeconds) - seconds(intervalSeconds);
  return { ...NO_FLAGS, stale: to < due, triangulated: value.provenance === "triangulated" };
}

/** When the aggregator can have replaced the value. */
function replacedAt({ to }: StoredValue, { intervalSeconds, settleSeconds }: ApiSettings): Micros {
  return to + seconds(intervalSeconds + settleSeconds);
}

/** When a value of this age begins to be stale; see `storedFlags`. */
function staleFrom({ to }: StoredValue, { intervalSeconds, settleSeconds }: ApiSettings): Micros {
  const interval = seconds(intervalSeconds);
  return floorTo(to + interval, interval) + interval + seconds(settleSeconds);
}

/**
 * An answer made of a stored value, and how it is given again while store, flags and clock allow.
 * @param until when another answer takes its place in any case
 */
export function storedAnswer(
  { settings, now: clock }: Service,
  { data, stored, holds }: { data: string; stored: StoredValue; holds: StoredTarget["holds"] },
  now: Micros,
  until: Micros = replacedAt(stored, settings),
): Answer {
  const flags = storedFlags(stored, settings, now);
  const replaced = earlierOf(until, replacedAt(stored, settings));
  const answer = { data, flags, maxAgeSeconds: secondsUntil(replaced, now) };
  if (holds === null || flags.stale) return answer;
  const end = earlierOf(replaced, staleFrom(stored, settings));
  const again = (): number | null => {
    if (!holds()) return null;
    const moment = clock();
    // A clock that was set back may be before the bucket's closing.
    return now <= moment && moment < end ? secondsUntil(replaced, moment) : null;
  };
  return { ...answer, again };
}

/** The answer with what is known of the pair's price beside references. */
export function withDivergence(answer: Answer, compared: StoredDivergence | null): Answer {
  if (compared === null) return answer;
  const flags = { ...answer.flags, divergence_warning: compared.divergence.warning };
  return { ...answer, flags, divergence: compared.text };
}

function unlessPoisoned<T>(read: (key: string, text: string) => T, key: string, text: string): T | null {
  try {
    return read(key, text);
  } catch (error) {
    if (!(error instanceof PoisonedValueError)) throw error;
    storedValueRefused.publish({ key, reason: error.message });
    return null;
  }
}
