import { vwapKey } from "../../cache/keys.ts";
import { PoisonedValueError, parsePublished } from "../../cache/value.ts";
import { isClosed, latestClosed } from "../../canonical/bucket.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import type { PublishedValue } from "../../canonical/published.ts";
import { type Micros, parseTime, seconds } from "../../canonical/time.ts";
import { backendUnreachable, foreignPolicy, storedValueRefused } from "../../obs/api-events.ts";
import { type Answer, type Flags, NO_FLAGS, secondsUntil } from "../answer.ts";
import type { ApiSettings } from "../context.ts";
import { asError } from "../failure.ts";
import type { Service } from "./service.ts";

/** A value that the aggregator published. */
export interface StoredValue {
  /** The very bytes in the store. */
  readonly text: string;
  readonly value: PublishedValue;
  readonly to: Micros;
  readonly triangulated: boolean;
}

/**
 * The stored value of a target; null where there is none that can be served: it is missing, not one that an aggregator
 * writes, not closed by this API's clock, or the store does not answer. All but the first are reported.
 */
export async function readStored(
  service: Service,
  pair: Pair,
  windowSeconds: number,
  now: Micros,
): Promise<StoredValue | null> {
  const { settings, policy, reportedPolicies } = service;
  const key = vwapKey(pair, windowSeconds);
  const text = await readText(service, key);
  if (text === null) return null;
  const stored = parseStored(text, key);
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

export function storedFlags({ to, triangulated }: StoredValue, settings: ApiSettings, now: Micros): Flags {
  const { intervalSeconds, settleSeconds } = settings;
  // The interval under way is the aggregator's time to publish.
  const due = latestClosed(now, intervalSeconds, settleSeconds) - seconds(intervalSeconds);
  return { ...NO_FLAGS, stale: to < due, triangulated };
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

async function readText({ store }: Service, key: string): Promise<string | null> {
  try {
    const [text = null] = await store.read([key]);
    return text;
  } catch (error) {
    backendUnreachable.publish({ backend: "store", error: asError(error) });
    return null;
  }
}

function parseStored(text: string, key: string): StoredValue | null {
  try {
    const value = parsePublished(text);
    const { provenance } = JSON.parse(text) as { provenance?: unknown };
    return { text, value, to: parseTime(value.to), triangulated: provenance === "triangulated" };
  } catch (error) {
    if (!(error instanceof PoisonedValueError)) throw error;
    storedValueRefused.publish({ key, reason: error.message });
    return null;
  }
}
