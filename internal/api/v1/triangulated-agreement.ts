import { pricingOf } from "../../aggregate/pricing.ts";
import { setBounded } from "../../cache/bounded.ts";
import { vwapKey } from "../../cache/keys.ts";
import { asError } from "../../canonical/as-error.ts";
import { bucketEndingAt } from "../../canonical/bucket.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import { fractionOf } from "../../canonical/fraction.ts";
import type { Pair } from "../../canonical/pair.ts";
import { deviationPct } from "../../divergence/compare.ts";
import { withSnapshot } from "../../storage/snapshot.ts";
import type { Soon } from "../after.ts";
import { problemOf } from "../failure.ts";
import type { Load } from "../load.ts";
import { reportFailure } from "../report.ts";
import { agreementText } from "./confidence.ts";
import type { Service } from "./service.ts";
import type { StoredValue } from "./stored-texts.ts";

/** How far a value of a pair's own trades agrees with the price through other markets. */
export interface TriangulatedAgreement {
  /** As JSON text. */
  readonly text: string;
  /** Whether it stays the same for as long as the value does. */
  readonly isFinal: boolean;
}

const NONE: TriangulatedAgreement = { text: agreementText(null), isFinal: true };
const NOT_YET: TriangulatedAgreement = { text: agreementText(null), isFinal: false };

/** How long an answer whose value is at hand waits for this. */
const MOST_WAIT_MS = 250;
const MOST_KEPT = 10_000;

/** What is known of the agreement of a target's value. */
interface Known {
  readonly value: string;
  /** Null while it is computed. */
  agreement: TriangulatedAgreement | null;
  /** What there is once it is computed, or has taken too long to be waited for. */
  soon: Promise<TriangulatedAgreement> | null;
}

/**
 * Tells how far stored values agree with the price through other markets in their bucket. It is computed once per value, for
 * all who ask; a failure counts as not known. Nobody is refused for it: where the request may not wait, it is told without.
 */
export function makeTriangulatedAgreements(
  service: Pick<Service, "database" | "policy" | "policyOf" | "settings">,
  load: Pick<Load, "mustNotWait">,
  route: string,
): (pair: Pair, stored: StoredValue) => Soon<TriangulatedAgreement> {
  const { database, policy, policyOf, settings } = service;
  const kept = new Map<string, Known>();

  async function compute(pair: Pair, { value, to }: StoredValue): Promise<TriangulatedAgreement> {
    const bucket = bucketEndingAt(to, value.window_seconds);
    const around = await withSnapshot(
      database,
      async (reader) => {
        const known = await policyOf(reader, pair);
        return pricingOf(reader, known, [pair], { maxTrades: settings.maxTrades }).priceAround(pair, bucket);
      },
      { to, settleSeconds: settings.settleSeconds },
    );
    const deviation = around && deviationPct(fractionOf(parseDecimal(value.price)), around);
    return { text: agreementText(deviation), isFinal: true };
  }

  function begin(pair: Pair, stored: StoredValue): Known {
    const known: Known = { value: stored.text, agreement: null, soon: null };
    const computed = compute(pair, stored)
      .catch((error: unknown) => {
        const { kind } = problemOf(error);
        // Of the others either nobody is to be told, or they are told of requests that fail.
        if (kind === "unavailable" || kind === "internal-error") reportFailure(route, kind, asError(error));
        return NONE;
      })
      .then((agreement) => {
        known.agreement = agreement;
        return agreement;
      });
    known.soon = inTime(computed, () => {
      known.soon = null;
    });
    return known;
  }

  return (pair, stored) => {
    if (stored.value.provenance === "triangulated" || stored.value.policy !== policy.id) return NONE;
    const key = vwapKey(pair, stored.value.window_seconds);
    let known = kept.get(key);
    if (known?.value === stored.text && known.agreement !== null) return known.agreement;
    if (load.mustNotWait()) return NOT_YET;
    if (known?.value !== stored.text) {
      known = begin(pair, stored);
      setBounded(kept, key, known, MOST_KEPT);
    }
    return known.soon ?? NOT_YET;
  };
}

/** What is computed, if it is there in time. */
function inTime(computed: Promise<TriangulatedAgreement>, onLate: () => void): Promise<TriangulatedAgreement> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      onLate();
      resolve(NOT_YET);
    }, MOST_WAIT_MS);
    computed.then((agreement) => {
      clearTimeout(timer);
      resolve(agreement);
    });
  });
}
