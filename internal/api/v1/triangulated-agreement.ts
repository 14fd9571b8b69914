import { vwapKey } from "../../cache/keys.ts";
import { bucketEndingAt } from "../../canonical/bucket.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import { deviationPct } from "../../canonical/deviation.ts";
import { fractionOf } from "../../canonical/fraction.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { Admission } from "../../http/admission.ts";
import { PROBLEMS } from "../../http/problem.ts";
import { reportFailure } from "../../http/report-failure.ts";
import { asError } from "../../lib/as-error.ts";
import { setBounded } from "../../lib/bounded-map.ts";
import type { MaybePromise } from "../../lib/maybe-promise.ts";
import { pricingOf } from "../../policy/pricing.ts";
import { withSnapshot } from "../../storage/windows/snapshot.ts";
import type { PolicyContext } from "../context.ts";
import { problemOf } from "../failure.ts";
import { agreementText } from "./agreement.ts";
import type { StoredValue } from "./stored-texts.ts";

/** The agreement of a pair's value with its triangulated price. */
export interface TriangulatedAgreement {
  /** As JSON text. */
  readonly text: string;
  /** Whether it stays valid as long as the value; false while it is being computed. */
  readonly isFinal: boolean;
}

const NONE: TriangulatedAgreement = { text: agreementText(null), isFinal: true };
const NOT_YET: TriangulatedAgreement = { text: agreementText(null), isFinal: false };

/** How long an answer with a stored value waits for the agreement. */
const MAX_WAIT_MS = 250;
const MAX_CACHED = 10_000;

/** The cached agreement of a target's value. */
interface Known {
  readonly value: string;
  /** Null while it is computed. */
  agreement: TriangulatedAgreement | null;
  /** Resolves once it is computed, or with NOT_YET after the wait; null after the wait. */
  soon: Promise<TriangulatedAgreement> | null;
}

/**
 * Returns a function that compares stored values with the triangulated price of their bucket. It computes once per
 * value; a failure counts as no agreement. It never fails a request: a request that must not wait is answered without
 * it.
 */
export function makeTriangulatedAgreements(
  service: Pick<PolicyContext, "database" | "policy" | "policyOf" | "settings">,
  admission: Pick<Admission, "mustNotWait">,
  route: string,
): (pair: Pair, stored: StoredValue) => MaybePromise<TriangulatedAgreement> {
  const { database, policy, policyOf, settings } = service;
  const kept = new Map<string, Known>();

  async function compute(pair: Pair, { value, to }: StoredValue): Promise<TriangulatedAgreement> {
    const bucket = bucketEndingAt(to, value.window_seconds);
    const around = await withSnapshot(
      database,
      async (reader) => {
        const known = await policyOf(reader, pair);
        return pricingOf(reader, known, [pair], { maxTrades: settings.maxTrades }).triangulatedPrice(pair, bucket);
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
        // Other kinds are expected, or are reported for the requests that fail with them.
        if (kind === PROBLEMS.unavailable || kind === PROBLEMS["internal-error"])
          reportFailure("api", route, kind, asError(error));
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
    if (admission.mustNotWait()) return NOT_YET;
    if (known?.value !== stored.text) {
      known = begin(pair, stored);
      setBounded(kept, key, known, MAX_CACHED);
    }
    return known.soon ?? NOT_YET;
  };
}

/** Resolves with the agreement, or with NOT_YET where it takes too long. */
function inTime(computed: Promise<TriangulatedAgreement>, onLate: () => void): Promise<TriangulatedAgreement> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      onLate();
      resolve(NOT_YET);
    }, MAX_WAIT_MS);
    computed.then((agreement) => {
      clearTimeout(timer);
      resolve(agreement);
    });
  });
}
