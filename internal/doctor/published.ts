import { pairsWithoutValue, type TargetState } from "../cache/target-state.ts";
import { formatDuration } from "../canonical/duration.ts";
import { formatPair } from "../canonical/pair.ts";
import { venueSpread } from "../policy/venue-spread.ts";
import { type Finding, ok, skipped, warning } from "./finding.ts";
import { listOf } from "./list.ts";

/** Checks that the targets have current values in the store; names pairs without any value. */
export function checkPublished(states: readonly TargetState[]): Finding[] {
  const count = (state: TargetState["state"]): number => states.filter((each) => each.state === state).length;
  const ages = states.flatMap(({ ageSeconds }) => ageSeconds ?? []);
  if (ages.length === 0 && count("unreadable") === 0) {
    return [
      warning(
        `none of ${states.length} targets has a value: no aggregator runs, or all windows are empty or withheld`,
        "start an aggregator; stellarindex compute shows why a pair and window have no value",
      ),
    ];
  }
  const oldest = formatDuration(Math.max(0, ...ages));
  const found = `${ages.length} of ${states.length} targets have a value, the oldest bucket ended ${oldest} ago`;
  const cure = "stellarindex status lists them; see the aggregator's log and /readyz";
  const without = pairsWithoutValue(states);
  return [
    count("unreadable") > 0
      ? warning(`${found}; ${count("unreadable")} have an unreadable value`, cure)
      : count("late") > 0
        ? warning(`${found}; ${count("late")} are late: does an aggregator run?`, cure)
        : ok(found),
    ...(without.length === 0
      ? []
      : [
          warning(
            `no value in any window: ${listOf(without)}`,
            "stellarindex compute shows why; write trades of these pairs, or remove them from [aggregate] pairs",
          ),
        ]),
  ];
}

/** Threshold of the alert aggregator_venue_spread. */
const FAR_APART = 0.03;

/** Checks that the venues of each published price agree; names those that do not, with their own prices. */
export function checkVenues(states: readonly TargetState[]): Finding {
  const shared = states.filter(({ sources }) => sources.length > 1);
  if (shared.length === 0) return skipped("no published price has several venues");
  const apart = shared
    .flatMap((state) => ({ ...state, spread: venueSpread(state) ?? 0 }))
    .filter(({ spread }) => spread > FAR_APART)
    .sort((a, b) => b.spread - a.spread);
  if (apart.length === 0)
    return ok(`${shared.length} published prices have several venues, all within 3 % of each other`);
  const named = apart.map(({ pair, windowSeconds, spread, sources }) => {
    const venues = sources.map(
      ({ source, base_volume, quote_volume }) =>
        `${source} ${(Number(quote_volume) / Number(base_volume)).toPrecision(6)}`,
    );
    const percent = (spread * 100).toPrecision(2);
    return `${formatPair(pair)} ${formatDuration(windowSeconds)} by ${percent} % (${venues.join(", ")})`;
  });
  return warning(`venues differ: ${listOf(named)}`, "docs/runbooks/aggregator_venue_spread.md");
}
