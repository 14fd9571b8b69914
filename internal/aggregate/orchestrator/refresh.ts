import { vwapKey } from "../../cache/keys.ts";
import type { PriceWrite } from "../../cache/store.ts";
import { bucketEndingAt } from "../../canonical/bucket.ts";
import { serializePublished } from "../../canonical/published.ts";
import type { Micros } from "../../canonical/time.ts";
import { stageDone } from "../../obs/events.ts";
import type { Database } from "../../storage/database.ts";
import { withSnapshot } from "../../storage/snapshot.ts";
import { type Computation, computeValue, type StageReport } from "../compute.ts";
import type { Policy } from "../policy.ts";
import type { Target } from "./target.ts";

/** Computes one target's value at a boundary, on one snapshot of the trades. */
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

/** What a computation writes to the store, or null where it publishes nothing. The value lives as long as its window. */
export function writeOf({ pair, windowSeconds }: Target, { value }: Computation): PriceWrite | null {
  if (value === null) return null;
  return {
    key: vwapKey(pair, windowSeconds),
    value: serializePublished(value),
    to: value.to,
    ttlSeconds: windowSeconds,
  };
}
