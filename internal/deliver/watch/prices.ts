import type { PriceStore } from "../../cache/store.ts";
import { SKEW_SECONDS } from "../../cache/supersede.ts";
import { formatPair } from "../../canonical/pair.ts";
import { type Micros, seconds } from "../../canonical/time.ts";
import { dueBoundaries } from "./boundaries.ts";
import { followStore } from "./follow-store.ts";
import {
  eventOf,
  GUARDED,
  keysOf,
  type Outcome,
  PUBLISHED,
  publishedOutcome,
  type Target,
  type Told,
  WITHHELD,
  withheldOutcome,
} from "./outcomes.ts";
import { makePasses } from "./passes.ts";
import { type ReplayParts, replayOutcomes } from "./replay-outcomes.ts";
import { readToldOf, type ToldOf } from "./told-prices.ts";
import { readWanted, type Wanted } from "./wanted.ts";
import { newOwnEvent, type OwnEvent, type WatcherParts, watchFailed } from "./watcher.ts";

/** What the watcher of prices needs. */
export interface PriceWatcherParts extends WatcherParts, ReplayParts {
  readonly store: Pick<PriceStore, "read" | "subscribe">;
  /** All published pairs and windows. */
  readonly targets: readonly Target[];
  readonly intervalSeconds: number;
}

/** Announcements may be lost, and destinations change. */
const EVERY_SECONDS = 10;
/** Boundaries that one pass recovers, so that recent prices do not wait long for missed ones. */
const RECOVERED_AT_ONCE = 100;
const TYPES = [PUBLISHED, WITHHELD, GUARDED];

/** What is due of a target. */
interface Due {
  readonly target: Target;
  readonly told: ToldOf;
  readonly known: ReadonlyMap<Micros, Outcome>;
  readonly boundaries: readonly Micros[];
}

/**
 * Records `price.published` of each published value of the pairs that somebody is told of, `price.withheld` and
 * `price.guarded` where a target has no value for another reason than at the boundary before, until the signal aborts.
 *
 * The announcements only tell when to look: each pass compares what is stored with what was told last. Boundaries between
 * both, as after lost announcements or a stop, are computed from the trades, those of the last hour before what is
 * stored. Of what was missed before, and of the time in which the aggregator did nothing, there are no events. A target
 * of which nothing was ever told begins with what is stored.
 */
export async function watchPrices(parts: PriceWatcherParts, signal: AbortSignal): Promise<void> {
  const { database, tenant, store, targets, intervalSeconds, record, now } = parts;
  /** What was told of the targets that are followed. */
  let followed = new Map<Target, ToldOf>();

  async function readDue(wanted: Wanted): Promise<Due[]> {
    const asked = targets.filter(({ pair }) => wanted.has(TYPES, formatPair(pair)));
    const fresh = await readToldOf(
      database.sql,
      tenant,
      asked.filter((target) => !followed.has(target)),
    );
    followed = new Map(asked.map((target) => [target, followed.get(target) ?? (fresh.get(target) as ToldOf)]));
    const texts = await store.read(asked.flatMap(keysOf));
    // A value of the future was written under a wrong clock, and will be replaced.
    const latest = now() + seconds(SKEW_SECONDS);
    return asked.flatMap((target, index): Due[] => {
      const [value = null, reason = null] = texts.slice(2 * index, 2 * index + 2);
      // The value comes last, since it counts where there are both.
      const found = [withheldOutcome(target, reason), publishedOutcome(target, value)].filter(
        (outcome) => outcome !== null && outcome.to <= latest,
      ) as Outcome[];
      const known = new Map(found.map((outcome) => [outcome.to, outcome]));
      const newest = [...known.keys()].reduce<Micros | null>((a, b) => (a === null || b > a ? b : a), null);
      const told = followed.get(target) as ToldOf;
      if (newest === null) return [];
      // From what is seen first on nothing is left out, also if it cannot be recorded at once.
      const last = told.to ?? newest - 1n;
      if (told.to === null) followed.set(target, { ...told, to: last });
      if (newest <= last) return [];
      return [{ target, told, known, boundaries: dueBoundaries(last, [...known.keys()], newest, intervalSeconds) }];
    });
  }

  /** Records the events of outcomes, and notes what was told only then. */
  async function tell(wanted: Wanted, all: readonly (Due & { readonly outcomes: readonly Outcome[] })[]) {
    const events: { readonly to: Micros; readonly event: OwnEvent }[] = [];
    const after = new Map<Target, ToldOf>();
    for (const { target, told, boundaries, outcomes } of all) {
      let before: Told = told.what;
      for (const outcome of outcomes) {
        const event = eventOf(target, outcome, before);
        if (event !== null && wanted.has([event.type], event.pair)) events.push({ to: outcome.to, event });
        before = outcome.reason;
      }
      after.set(target, { to: boundaries.at(-1) ?? told.to, what: before });
    }
    events.sort((a, b) => Number(a.to - b.to));
    const receivedAt = now();
    if (events.length > 0) await record(events.map(({ event }) => newOwnEvent(event, receivedAt)));
    followed = new Map([...followed, ...after]);
  }

  async function recover(wanted: Wanted, due: Due, limit: number): Promise<void> {
    const boundaries = due.boundaries.slice(0, limit);
    const missed = boundaries.filter((to) => !due.known.has(to));
    const computed = await replayOutcomes(parts, due.target, missed, signal);
    const outcomes = boundaries.flatMap((to) => due.known.get(to) ?? computed.get(to) ?? []);
    await tell(wanted, [{ ...due, boundaries, outcomes }]);
  }

  const passes = makePasses(EVERY_SECONDS);
  const keys = new Set(targets.flatMap(keysOf));
  const following = followStore(store, (key) => keys.has(key), passes.wake);

  async function pass(): Promise<void> {
    await following.subscribe();
    const wanted = await readWanted(database.sql, tenant);
    const due = await readDue(wanted);
    const isComplete = ({ boundaries, known }: Due): boolean => boundaries.every((to) => known.has(to));
    await tell(
      wanted,
      due.filter(isComplete).map((each) => {
        const outcomes = each.boundaries.map((to) => each.known.get(to) as Outcome);
        return { ...each, outcomes };
      }),
    );
    let left = RECOVERED_AT_ONCE;
    for (const each of due.filter((found) => !isComplete(found))) {
      if (signal.aborted) return;
      if (left <= 0) return passes.wake();
      try {
        await recover(wanted, each, left);
        left -= each.boundaries.length;
      } catch (error) {
        if (signal.aborted) return;
        // It must not keep the others from being told.
        watchFailed(error);
      }
    }
    if (left < 0) passes.wake();
  }

  await passes.run(pass, watchFailed, signal);
  await following.stop();
}
