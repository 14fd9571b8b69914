import { type Divergence, parseDivergence, serializeDivergence } from "../../cache/divergence.ts";
import { divergenceKey, vwapKey } from "../../cache/keys.ts";
import { PoisonedValueError, parsePublished } from "../../cache/value.ts";
import { asError } from "../../canonical/as-error.ts";
import { isClosed, latestClosed } from "../../canonical/bucket.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import type { PublishedValue } from "../../canonical/published.ts";
import { type Micros, parseTime, seconds } from "../../canonical/time.ts";
import { backendUnreachable, foreignPolicy, storedValueRefused } from "../../obs/api-events.ts";
import { type Answer, type Flags, NO_FLAGS, secondsUntil } from "../answer.ts";
import type { ApiSettings } from "../context.ts";
import type { Service } from "./service.ts";

/** A value that the aggregator published. */
export interface StoredValue {
  /** The very bytes in the store. */
  readonly text: string;
  readonly value: PublishedValue;
  readonly to: Micros;
}

/** What the store holds of a target. */
export interface StoredTarget {
  readonly stored: StoredValue | null;
  /** What the latest check of the pair against references gave; null where there was none lately. */
  readonly divergence: Divergence | null;
}

/**
 * What is stored of a target; null for what cannot be served: it is missing, not what an aggregator writes, not closed by
 * this API's clock, or the store does not answer. All but the first are reported.
 */
export async function readStored(
  service: Service,
  pair: Pair,
  windowSeconds: number,
  now: Micros,
): Promise<StoredTarget> {
  const keys = [vwapKey(pair, windowSeconds), divergenceKey(pair)] as const;
  const [value, divergence] = await readTexts(service, keys);
  return {
    stored: value === null ? null : servable(service, pair, windowSeconds, now, value),
    divergence: divergence === null ? null : comparisonOf(pair, divergence),
  };
}

function comparisonOf(pair: Pair, text: string): Divergence | null {
  const key = divergenceKey(pair);
  const divergence = parseStored(parseDivergence, text, key);
  if (divergence === null || divergence.pair === formatPair(pair)) return divergence;
  storedValueRefused.publish({ key, reason: `it is of ${divergence.pair}` });
  return null;
}

function servable(
  { settings, policy, reportedPolicies }: Service,
  pair: Pair,
  windowSeconds: number,
  now: Micros,
  text: string,
): StoredValue | null {
  const key = vwapKey(pair, windowSeconds);
  const value = parseStored(parsePublished, text, key);
  if (value === null) return null;
  const to = parseTime(value.to);
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
  return { text, value, to };
}

export function storedFlags({ value, to }: StoredValue, settings: ApiSettings, now: Micros): Flags {
  const { intervalSeconds, settleSeconds } = settings;
  // The interval under way is the aggregator's time to publish.
  const due = latestClosed(now, intervalSeconds, settleSeconds) - seconds(intervalSeconds);
  return { ...NO_FLAGS, stale: to < due, triangulated: value.provenance === "triangulated" };
}

/** When the aggregator can have replaced the value. */
export function replacedAt({ to }: StoredValue, { intervalSeconds, settleSeconds }: ApiSettings): Micros {
  return to + seconds(intervalSeconds + settleSeconds);
}

export function storedAnswer(stored: StoredValue, settings: ApiSettings, now: Micros): Answer {
  return {
    data: stored.text,
    flags: storedFlags(stored, settings, now),
    maxAgeSeconds: secondsUntil(replacedAt(stored, settings), now),
  };
}

/** The answer with what is known of the pair's price beside references. */
export function withDivergence(answer: Answer, divergence: Divergence | null): Answer {
  if (divergence === null) return answer;
  const flags = { ...answer.flags, divergence_warning: divergence.warning };
  return { ...answer, flags, divergence: serializeDivergence(divergence) };
}

async function readTexts(
  { store }: Service,
  [first, second]: readonly [string, string],
): Promise<[string | null, string | null]> {
  try {
    const [one = null, other = null] = await store.read([first, second]);
    return [one, other];
  } catch (error) {
    backendUnreachable.publish({ backend: "store", error: asError(error) });
    return [null, null];
  }
}

function parseStored<T>(parse: (text: string) => T, text: string, key: string): T | null {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof PoisonedValueError)) throw error;
    storedValueRefused.publish({ key, reason: error.message });
    return null;
  }
}
