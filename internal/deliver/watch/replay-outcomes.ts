import { bucketEndingAt } from "../../canonical/bucket.ts";
import { serializePublished } from "../../canonical/published.ts";
import type { Micros } from "../../canonical/time.ts";
import { serializeWithheld } from "../../canonical/withheld.ts";
import { concurrently } from "../../lib/concurrently.ts";
import { resolveContracts } from "../../policy/contracts.ts";
import type { Policy } from "../../policy/policy.ts";
import { pricingOf } from "../../policy/pricing.ts";
import { publishedBy } from "../../policy/published-value.ts";
import { withheldValue } from "../../policy/withheld-value.ts";
import type { Database } from "../../storage/connection/database.ts";
import { RawDataExpired } from "../../storage/connection/errors.ts";
import { withSnapshot } from "../../storage/windows/snapshot.ts";
import type { Outcome, Target } from "./outcomes.ts";

/** What computes outcomes. */
export interface ReplayParts {
  readonly database: Database;
  readonly policy: Policy;
  readonly settleSeconds: number;
  /** Maximum number of raw trades that one computation may load into the process. */
  readonly maxTrades: number;
}

/** Computations at once; their reads are batched. */
const CONCURRENCY = 16;

/**
 * Computes what a target came to at boundaries, from the trades that are there, on one snapshot: the bytes that the
 * aggregator published, unless trades have been added or taken away since, or its policy is another one.
 * @returns the outcomes by boundary; without those whose trades retention has removed
 * @throws ClockAhead, ReplayBehind where the last boundary is not complete in the database
 */
export async function replayOutcomes(
  { database, policy, settleSeconds, maxTrades }: ReplayParts,
  { pair, windowSeconds }: Target,
  boundaries: readonly Micros[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Micros, Outcome>> {
  const outcomes = new Map<Micros, Outcome>();
  const last = boundaries.at(-1);
  if (last === undefined) return outcomes;
  await withSnapshot(
    database,
    async (reader) => {
      const pricing = pricingOf(reader, await resolveContracts(reader, policy, [pair]), [pair], { maxTrades });
      await concurrently(boundaries, CONCURRENCY, signal, async (to) => {
        const bucket = bucketEndingAt(to, windowSeconds);
        const found = await publishedBy(pricing, pair, bucket).catch(unlessExpired);
        if (found === null) return;
        if (found.value !== null) outcomes.set(to, { to, reason: null, text: serializePublished(found.value) });
        else {
          const withheld = withheldValue(found, policy, pair, bucket);
          outcomes.set(to, { to, reason: withheld.reason, text: serializeWithheld(withheld) });
        }
      });
    },
    { to: last, settleSeconds },
  );
  signal.throwIfAborted();
  return outcomes;
}

function unlessExpired(error: unknown): null {
  if (error instanceof RawDataExpired) return null;
  throw error;
}
