import { vwapKey } from "../../internal/cache/keys.ts";
import { bucketEndingAt } from "../../internal/canonical/bucket.ts";
import { type Pair, parsePair } from "../../internal/canonical/pair.ts";
import { type PublishedValue, serializePublished } from "../../internal/canonical/published.ts";
import { formatTime, type Micros, parseTime } from "../../internal/canonical/time.ts";
import { type Config, policySettings } from "../../internal/config/schema.ts";
import { memoize } from "../../internal/lib/memoize.ts";
import { makePolicy } from "../../internal/policy/policy.ts";
import { computePublished } from "../../internal/policy/published-value.ts";
import { openDatabase } from "../../internal/storage/open-database.ts";
import { withSnapshot } from "../../internal/storage/windows/snapshot.ts";
import type { LateRows } from "./decoder.ts";

/** Computes what an undisturbed run would have published, from the trades that are stored at the end. */
export interface Judge {
  /** Returns the bytes for a target at a boundary; null if nothing would be published. */
  expected(pair: Pair, windowSeconds: number, to: Micros): Promise<string | null>;
  /**
   * Returns `unknown` if trades of the window were stored after its bucket had closed: the published value then depends on
   * when they arrived (docs/architecture.md).
   */
  verdict(text: string): Promise<"right" | "wrong" | "unknown">;
  close(): Promise<void>;
}

export async function openJudge(url: string, config: Config, late: readonly LateRows[]): Promise<Judge> {
  const database = await openDatabase({ url, max_connections: 2 }, { queryTimeoutSeconds: 5 });
  const policy = makePolicy(policySettings(config));
  const { max_trades_per_window: maxTrades, settle_seconds } = config.aggregate;

  async function expected(pair: Pair, windowSeconds: number, to: Micros): Promise<string | null> {
    const compute = () =>
      withSnapshot(database, (reader) =>
        computePublished(reader, policy, pair, bucketEndingAt(to, windowSeconds), { maxTrades }),
      );
    // The server of this connection may be down.
    const { value } = await compute().catch(compute);
    return value === null ? null : serializePublished(value);
  }

  function isUnknown({ from, to }: PublishedValue): boolean {
    const [start, end] = [Date.parse(from), Date.parse(to)];
    const closed = end + settle_seconds * 1000;
    return late.some((rows) => rows.to >= start && rows.from < end && rows.stored > closed);
  }

  return {
    expected,
    verdict: memoize(String, async (text: string) => {
      const value = read(text);
      if (value === null) return "wrong";
      if (isUnknown(value)) return "unknown";
      const bytes = await expected(parsePair(value.pair), value.window_seconds, parseTime(value.to));
      return bytes === text ? "right" : "wrong";
    }),
    close: () => database.close(),
  };
}

function read(text: string): PublishedValue | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Returns the name of a target at a boundary, as in announcements. */
export function boundaryName(pair: Pair, windowSeconds: number, to: Micros): string {
  return `${vwapKey(pair, windowSeconds)} ${formatTime(to)}`;
}
