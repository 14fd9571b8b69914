import { confidenceKey, divergenceKey, vwapKey } from "../../cache/keys.ts";
import { isClosed, latestClosed } from "../../canonical/bucket.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { PoisonedValueError } from "../../canonical/stored-text.ts";
import { earlierOf, floorTo, type Micros, seconds } from "../../canonical/time.ts";
import { backendUnreachable } from "../../http/events.ts";
import { asError } from "../../lib/as-error.ts";
import type { MaybePromise } from "../../lib/maybe-promise.ts";
import { type Answer, type Flags, NO_FLAGS, secondsUntil } from "../answer.ts";
import type { ApiSettings } from "../context.ts";
import { foreignPolicy, storedValueRefused } from "../events.ts";
import type { Service } from "./service.ts";
import type { StoredConfidence, StoredDivergence, StoredValue } from "./stored-texts.ts";

/** The stored texts of a target, parsed. */
export interface StoredTarget {
  readonly stored: StoredValue | null;
  /** The latest comparison of the pair with references; null where it has expired or there was none. */
  readonly divergence: StoredDivergence | null;
  /** The confidence in the stored value; null where it is unknown. */
  readonly confidence: StoredConfidence | null;
  /** Whether the stored texts are still the same; null where only a read of the store can tell. */
  readonly isUnchanged: (() => boolean) | null;
}

/**
 * Reads the stored texts of a target; null for each that cannot be served: it is missing, invalid, not closed by this
 * API's clock, or the store does not answer. All but the first case are published as events.
 */
export function readStored(
  service: Service,
  pair: Pair,
  windowSeconds: number,
  now: Micros,
): MaybePromise<StoredTarget> {
  const keys = [vwapKey(pair, windowSeconds), divergenceKey(pair), confidenceKey(pair, windowSeconds)];
  const texts = service.copies.read(keys);
  const targetOf = ([value = null, kept = null, rated = null]: readonly (string | null)[]): StoredTarget => {
    const stored = value === null ? null : servable(service, pair, windowSeconds, now, value);
    const divergence = kept === null ? null : comparisonOf(service, pair, kept);
    const confidence =
      rated === null || stored === null ? null : confidenceOf(service, pair, windowSeconds, stored, rated);
    // A rejected text is reported on each request, so such an answer is not reused.
    const isSound =
      (kept === null || divergence !== null) && (rated === null || stored === null || confidence !== null);
    return {
      stored,
      divergence,
      confidence,
      isUnchanged: isSound && !(texts instanceof Promise) ? service.copies.validator(keys) : null,
    };
  };
  if (!(texts instanceof Promise)) return targetOf(texts);
  return texts.then(targetOf, (error: unknown) => {
    backendUnreachable.publish({ server: "api", backend: "store", error: asError(error) });
    return { stored: null, divergence: null, confidence: null, isUnchanged: null };
  });
}

function comparisonOf({ storedTexts }: Service, pair: Pair, text: string): StoredDivergence | null {
  const key = divergenceKey(pair);
  const compared = unlessPoisoned(storedTexts.divergence, key, text);
  if (compared === null || compared.divergence.pair === formatPair(pair)) return compared;
  storedValueRefused.publish({ key, reason: `it belongs to ${compared.divergence.pair}` });
  return null;
}

/** Value and confidence are two writes: between them, the confidence belongs to another bucket, and is not used. */
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
    storedValueRefused.publish({ key, reason: `it belongs to ${value.pair}, window ${value.window_seconds} s` });
    return null;
  }
  if (!isClosed(to, now, settings.settleSeconds)) {
    storedValueRefused.publish({ key, reason: `its bucket, which ends at ${value.to}, is not closed yet` });
    return null;
  }
  if (value.policy !== policy.id && !reportedPolicies.has(value.policy)) {
    reportedPolicies.add(value.policy);
    foreignPolicy.publish({ key, policy: value.policy });
  }
  return stored;
}

/** Returns the flags of a stored value at the moment `now`. */
export function storedFlags({ value, to }: StoredValue, settings: ApiSettings, now: Micros): Flags {
  const { intervalSeconds, settleSeconds } = settings;
  // During the current interval, the aggregator may still be computing its value.
  const due = latestClosed(now, intervalSeconds, settleSeconds) - seconds(intervalSeconds);
  return { ...NO_FLAGS, stale: to < due, triangulated: value.provenance === "triangulated" };
}

/** Returns the earliest moment at which the aggregator replaces the value. */
function replacedAt({ to }: StoredValue, { intervalSeconds, settleSeconds }: ApiSettings): Micros {
  return to + seconds(intervalSeconds + settleSeconds);
}

/** Returns the moment from which the value is stale; see `storedFlags`. */
function staleFrom({ to }: StoredValue, { intervalSeconds, settleSeconds }: ApiSettings): Micros {
  const interval = seconds(intervalSeconds);
  return floorTo(to + interval, interval) + interval + seconds(settleSeconds);
}

/**
 * Returns the answer for a stored value. It can be reused while the stored texts and its flags stay the same.
 * @param until when it is replaced in any case
 */
export function storedAnswer(
  { settings, now: clock }: Service,
  { data, stored, isUnchanged }: { data: string; stored: StoredValue; isUnchanged: StoredTarget["isUnchanged"] },
  now: Micros,
  until: Micros = replacedAt(stored, settings),
): Answer {
  const flags = storedFlags(stored, settings, now);
  const replaced = earlierOf(until, replacedAt(stored, settings));
  const answer = { data, flags, maxAgeSeconds: secondsUntil(replaced, now) };
  if (isUnchanged === null || flags.stale) return answer;
  const end = earlierOf(replaced, staleFrom(stored, settings));
  const revalidate = (): number | null => {
    if (!isUnchanged()) return null;
    const moment = clock();
    // A clock that was set back may show a time at which the bucket is not closed.
    return now <= moment && moment < end ? secondsUntil(replaced, moment) : null;
  };
  return { ...answer, revalidate };
}

/** Returns the answer with the comparison of the pair's price with references. */
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
