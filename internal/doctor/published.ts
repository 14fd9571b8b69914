import { pairsWithoutValue, type TargetState } from "../cache/target-state.ts";
import { formatDuration } from "../canonical/duration.ts";
import { formatPair } from "../canonical/pair.ts";
import { venueSpread } from "../obs/venue-spread.ts";
import { type Finding, ok, skipped, warning } from "./finding.ts";
import { listOf } from "./list.ts";

/** What the store holds of the targets: pairs without any value are named. */
export function checkPublished(states: readonly TargetState[]): Finding[] {
  const count = (state: TargetState["state"]): number => states.filter((each) => each.state === state).length;
  const ages = states.flatMap(({ ageSeconds }) => ageSeconds ?? []);
  if (ages.length === 0 && count("unreadable") === 0) {
    return [
      warning(
        `none of ${states.length} targets has a value: no aggregator runs, or all windows are empty or withheld`,
        "start an aggregator; stellarindex compute says of a pair and a window why there is no value",
      ),
    ];
  }
  const oldest = formatDuration(Math.max(0, ...ages));
  const found = `${ages.length} of ${states.length} targets have a value, the oldest bucket ended ${oldest} ago`;
  const cure = "stellarindex status lists them; look into the aggregator's log and /readyz";
  const without = pairsWithoutValue(states);
  return [
    count("unreadable") > 0
      ? warning(`${found}; ${count("unreadable")} hold something else`, cure)
      : count("late") > 0
        ? warning(`${found}; ${count("late")} are late: does an aggregator run?`, cure)
        : ok(found),
    ...(without.length === 0
      ? []
      : [
          warning(
            `no value in any window: ${listOf(without)}`,
            "stellarindex compute says why; feed these pairs, or take them out of [aggregate] pairs",
          ),
        ]),
  ];
}

/** What the alert aggregator_venue_spread goes by. */
const FAR_APART = 0.03;

/** Whether the venues in the published prices agree: those that do not are named, with their own prices. */
export function checkVenues(states: readonly TargetState[]): Finding {
  const shared = states.filter(({ sources }) => sources.length > 1);
  if (shared.length === 0) return skipped("no published price is made of several venues");
  const apart = shared
    .flatMap((state) => ({ ...state, spread: venueSpread(state) ?? 0 }))
    .filter(({ spread }) => spread > FAR_APART)
    .sort((a, b) => b.spread - a.spread);
  if (apart.length === 0)
    return ok(`${shared.length} published prices are of several venues, within 3 % of each other`);
  const named = apart.map(({ pair, windowSeconds, spread, sources }) => {
    const venues = sources.map(
      ({ source, base_volume, quote_volume }) =>
        `${source} ${(Number(quote_volume) / Number(base_volume)).toPrecision(6)}`,
    );
    const percent = (spread * 100).toPrecision(2);
    return `${formatPair(pair)} ${formatDuration(windowSeconds)} by ${percent} % (${venues.join(", ")})`;
  });
  return warning(`venues are apart: ${listOf(named)}`, "docs/runbooks/aggregator_venue_spread.md");
}
