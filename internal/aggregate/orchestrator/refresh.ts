import { vwapKey } from "../../cache/keys.ts";
import type { PriceWrite } from "../../cache/store.ts";
import { bucketEndingAt } from "../../canonical/bucket.ts";
import { type PublishedValue, serializePublished } from "../../canonical/published.ts";
import type { Micros } from "../../canonical/time.ts";
import { stageDone } from "../../obs/events.ts";
import type { Database } from "../../storage/database.ts";
import { withSnapshot } from "../../storage/snapshot.ts";
import { type Computation, computeValue, type StageReport } from "../compute.ts";
import type { Policy } from "../policy.ts";
import type { Target } from "./target.ts";

/** Computes the value of one target's own trades at a boundary, on one snapshot of the trades. */
export function refreshTarget(
  database: Database,
  policy: Policy,
  { pair, windowSeconds }: Target,
  to: Micros,
  maxTrades: number,
  onReport: (report: StageReport) => void = () => {},
): Promise<Computation> {
  const observe = (report: StageReport): void => {
    const { stage, trades, dropped, outliers = [] } = report;
    stageDone.publish({ pair, windowSeconds, to, stage, trades, dropped, outliers });
    onReport(report);
  };
  return withSnapshot(database, (reader) =>
    computeValue(reader, policy, pair, bucketEndingAt(to, windowSeconds), { maxTrades, observe }),
  );
}

/** What publishing a target's value writes to the store. The value lives as long as its window. */
export function writeOf({ pair, windowSeconds }: Target, value: PublishedValue): PriceWrite {
  return {
    key: vwapKey(pair, windowSeconds),
    value: serializePublished(value),
    to: value.to,
    ttlSeconds: windowSeconds,
    provenance: value.provenance,
  };
}
