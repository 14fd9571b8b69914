import { formatTime, type Micros, parseTime, seconds } from "../../canonical/time.ts";
import type { Interval } from "../../storage/control/coverage.ts";
import { type FeedCoverage, readFeedCoverage } from "../../storage/control/feed-coverage.ts";
import { readOwnEvents } from "../../storage/events/own-events.ts";
import { makePasses } from "./passes.ts";
import { readWanted } from "./wanted.ts";
import { newOwnEvent, type OwnEvent, type WatcherParts, watchFailed } from "./watcher.ts";

const EVERY_SECONDS = 60;
const TYPE = "coverage.gap";
/** Most gaps are filled by request within a few minutes. */
const FILLED_WITHIN: Micros = seconds(300);

/**
 * Records `coverage.gap` of gaps in collected feeds that are still there five minutes after their end, until the signal
 * aborts; of the hundred newest gaps of a feed. What is left of a gap that was told is not told again.
 */
export function watchGaps({ database, tenant, record, now }: WatcherParts, signal: AbortSignal): Promise<void> {
  /** The gaps of each feed that were told, or belong to one that was. */
  const told = new Map<string, readonly Interval[]>();

  async function toldOf(feed: string): Promise<readonly Interval[]> {
    const known = told.get(feed);
    if (known !== undefined) return known;
    const events = await readOwnEvents(database.sql, tenant, thingOf(feed));
    return events.map(({ at, body }) => {
      const from = parseTime(at);
      // Without its data nobody knows its end.
      return { from, to: body === null ? from + 1n : parseTime((JSON.parse(body) as { to: string }).to) };
    });
  }

  async function pass(): Promise<void> {
    const wanted = await readWanted(database.sql, tenant);
    if (!wanted.hasType([TYPE])) return;
    const feeds = (await readFeedCoverage(database.sql, tenant)).filter(({ pair }) => wanted.has([TYPE], pair));
    const receivedAt = now();
    const events: OwnEvent[] = [];
    const after: [feed: string, told: readonly Interval[]][] = [];
    for (const feed of feeds) {
      const lasting = feed.gaps.filter(({ to }) => to + FILLED_WITHIN <= receivedAt);
      const before = await toldOf(feed.feed);
      const { fresh, grown } = newGaps(lasting, before);
      events.push(...fresh.map((gap) => eventOf(feed, gap)));
      after.push([feed.feed, [...before, ...grown, ...fresh]]);
    }
    if (events.length > 0) await record(events.map((event) => newOwnEvent(event, receivedAt)));
    for (const [feed, gaps] of after) told.set(feed, gaps);
  }

  return makePasses(EVERY_SECONDS).run(pass, watchFailed, signal);
}

/** Returns the gaps that have nothing in common with those that were told, and those that go beyond one of them. */
export function newGaps(
  gaps: readonly Interval[],
  told: readonly Interval[],
): { readonly fresh: Interval[]; readonly grown: Interval[] } {
  const fresh = gaps.filter((gap) => !told.some(({ from, to }) => from < gap.to && gap.from < to));
  const grown = gaps.filter(
    (gap) => !fresh.includes(gap) && !told.some(({ from, to }) => from <= gap.from && gap.to <= to),
  );
  return { fresh, grown };
}

const thingOf = (feed: string): string => `gap:${feed}`;

function eventOf({ feed, source, pair }: FeedCoverage, gap: Interval): OwnEvent {
  const [from, to] = [formatTime(gap.from), formatTime(gap.to)];
  return { type: TYPE, pair, body: JSON.stringify({ feed, source, pair, from, to }), thing: thingOf(feed), at: from };
}
