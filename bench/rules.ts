import { targetsOf } from "../internal/aggregator/target.ts";
import { bucketEndingAt } from "../internal/canonical/bucket.ts";
import { type Pair, parsePair } from "../internal/canonical/pair.ts";
import type { PolicySettings } from "../internal/policy/policy.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { withSnapshot } from "../internal/storage/windows/snapshot.ts";
import { compare } from "./compare.ts";
import { GRADED_PAIRS, HUNDRED_PAIRS } from "./data.ts";
import { tickOf, WINDOWS } from "./tick.ts";
import { BENCH_TO } from "./trades.ts";

/** The assets against EUR without trades, which are triangulated through USD. */
const UNTRADED = HUNDRED_PAIRS.map(({ base }) => parsePair(`${base}/fiat:EUR`));
const VENUES = { venue_deviation_pct: 5, max_source_share: 0.3, sources: [{ name: "sdex", weight: 50 }] };

/** The cost of rules beyond the default policy, and of queries that need every price of a window. */
export async function compareRules(database: Database): Promise<void> {
  const targets = targetsOf([...HUNDRED_PAIRS, ...UNTRADED], WINDOWS);
  const tick = (settings: Partial<PolicySettings>) =>
    tickOf(database, targets, { triangulation_enabled: false, ...settings });
  const own = await tick({})();
  const { counts } = await tick({ triangulation_enabled: true })();
  const others = counts.written - own.counts.written;
  console.log(
    `\na tick of ${targets.length} targets, ${own.counts.written} with a price, ${others} more through others:`,
  );
  await compare({
    "without triangulation and venue rules": tick({}),
    "with triangulation": tick({ triangulation_enabled: true }),
    "with venue rules": tick(VENUES),
    "with both": tick({ triangulation_enabled: true, ...VENUES }),
  });

  const graded = targetsOf(GRADED_PAIRS.slice(0, 3), WINDOWS);
  const gradedTick = (settings: Partial<PolicySettings>) =>
    tickOf(database, graded, { triangulation_enabled: false, ...settings });
  console.log(`\na tick of ${graded.length} targets of up to 100 000 trades:`);
  await compare({ "by sigma": gradedTick({}), "by MAD": gradedTick({ outlier_method: "mad" }) });

  const [, , hundredThousand] = GRADED_PAIRS;
  console.log("\none window of 24 h, 100 000 trades:");
  await compare({
    VWAP: tickOf(database, targetsOf([hundredThousand as Pair], [86_400]), { triangulation_enabled: false }),
    TWAP: () =>
      withSnapshot(database, (reader) =>
        reader.timeWeighted([hundredThousand as Pair], bucketEndingAt(BENCH_TO, 86_400), {
          sources: null,
          filter: null,
          carrySeconds: 0,
        }),
      ),
  });
}
