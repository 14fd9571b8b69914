import { type Divergence, parseDivergence } from "../../cache/divergence.ts";
import { divergenceKey } from "../../cache/keys.ts";
import type { PriceStore } from "../../cache/store.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { PoisonedValueError } from "../../canonical/stored-text.ts";
import { readLastEvents } from "../../storage/events/own-events.ts";
import { followStore } from "./follow-store.ts";
import { makePasses } from "./passes.ts";
import { readWanted } from "./wanted.ts";
import { newOwnEvent, type OwnEvent, type WatcherParts, watchFailed } from "./watcher.ts";

/** What the watcher of divergence needs. */
export interface DivergenceWatcherParts extends WatcherParts {
  readonly store: Pick<PriceStore, "read" | "subscribe">;
  /** The published pairs. */
  readonly pairs: readonly Pair[];
}

const EVERY_SECONDS = 30;
export const WARNING = "divergence.warning";
export const CLEARED = "divergence.cleared";
const TYPES = [WARNING, CLEARED];

/** A comparison of a pair, and its stored text. */
interface Compared {
  readonly pair: Pair;
  readonly found: Divergence;
  readonly text: string;
}

/**
 * Records `divergence.warning` when the warning about a pair goes up, and `divergence.cleared` when it goes down, until the
 * signal aborts. A check without enough references changes nothing. What comes and goes while nobody watches is not told.
 */
export async function watchDivergence(parts: DivergenceWatcherParts, signal: AbortSignal): Promise<void> {
  const { database, tenant, store, pairs, record, now } = parts;
  /** The last comparison of each pair that needs no event. */
  const seen = new Map<Pair, boolean>();
  const passes = makePasses(EVERY_SECONDS);
  const keys = new Set(pairs.map(divergenceKey));
  const following = followStore(store, (key) => keys.has(key), passes.wake);

  async function pass(): Promise<void> {
    await following.subscribe();
    const wanted = await readWanted(database.sql, tenant);
    const asked = pairs.filter((pair) => wanted.has(TYPES, formatPair(pair)));
    const texts = await store.read(asked.map(divergenceKey));
    const changed = asked
      .flatMap((pair, index) => comparedOf(pair, texts[index] ?? null))
      .filter(({ pair, found }) => found.warning !== seen.get(pair));
    // Another daemon may have told it.
    const last = await readLastEvents(
      database.sql,
      tenant,
      changed.map(({ pair }) => divergenceKey(pair)),
    );
    const receivedAt = now();
    const events = changed.flatMap(({ pair, found, text }): OwnEvent[] => {
      const thing = divergenceKey(pair);
      const told = last.get(thing);
      if (found.warning === (told?.type === WARNING) || found.to <= (told?.at ?? "")) return [];
      return [{ type: found.warning ? WARNING : CLEARED, pair: formatPair(pair), body: text, thing, at: found.to }];
    });
    if (events.length > 0) await record(events.map((event) => newOwnEvent(event, receivedAt)));
    for (const { pair, found } of changed) seen.set(pair, found.warning);
  }

  await passes.run(pass, watchFailed, signal);
  await following.stop();
}

/** Returns the comparison in a stored text; none where there is none, or nothing was compared. */
function comparedOf(pair: Pair, text: string | null): Compared[] {
  if (text === null) return [];
  try {
    const found = parseDivergence(text);
    return found.checked && found.pair === formatPair(pair) ? [{ pair, found, text }] : [];
  } catch (error) {
    if (error instanceof PoisonedValueError) return [];
    throw error;
  }
}
