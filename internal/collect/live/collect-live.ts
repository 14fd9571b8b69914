import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Micros } from "../../canonical/time.ts";
import { asError } from "../../lib/as-error.ts";
import { keepCalling } from "../../lib/keep-calling.ts";
import type { Database } from "../../storage/connection/database.ts";
import { clearProblem, noteProblem } from "../../storage/control/collector-problems.ts";
import type { HeldLease } from "../../storage/control/report.ts";
import type { Connector, VenueAsk, VenueGet } from "../connector.ts";
import { collectorFailed, connected, disconnected, marketRefused } from "../events.ts";
import type { CollectedFeed, Endpoint } from "../feed.ts";
import type { VenueMessage } from "../message.ts";
import { runConnection } from "./connection.ts";
import { doubtClocks } from "./doubt-clocks.ts";
import { failuresAfter, reconnectSeconds } from "./reconnect.ts";
import { makeTracker } from "./tracker.ts";
import { BATCH_ROWS, type LiveWriter, MOST_WAITING, makeLiveWriter } from "./writer.ts";

export interface LiveOptions {
  readonly connector: Connector;
  readonly endpoint: Endpoint;
  readonly source: string;
  readonly database: Database;
  readonly tenant: string;
  readonly lease: HeldLease;
  readonly now: () => Micros;
  /** Seconds on a monotonic clock. */
  readonly stopwatch: () => number;
  readonly random: () => number;
  readonly get: VenueGet;
  readonly ask: VenueAsk;
  /** Reads the source's feeds; those that come or go are followed. */
  readonly readFeeds: () => Promise<readonly CollectedFeed[]>;
  /** Makes jobs for the gaps of a feed. */
  readonly fillGaps: (feed: CollectedFeed) => Promise<void>;
}

const FLUSH_MS = 250;
/** So often it is looked whether a whole batch waits. */
const LOOK_MS = 50;
const WRITE_AGAIN_MS = 1000;
const GAPS_SECONDS = 2;
const ALL_GAPS_SECONDS = 60;
const FEEDS_SECONDS = 10;
/** A stream of events has one market, a request of a poll as many as Stellar RPC takes filters, and a WebSocket, or a question, all. */
const MOST_FEEDS = { websocket: Number.POSITIVE_INFINITY, events: 1, requests: 5 } as const;
/** What waits is written when the collector stops, for at most so long. */
const LAST_FLUSH_MS = 2000;

/** Collects the feeds of a source until the signal aborts: whatever the venue does, it goes on. */
export async function collectLive(options: LiveOptions, signal: AbortSignal): Promise<void> {
  const { connector, database, tenant, lease, source, now, stopwatch, readFeeds } = options;
  const changed = new Set<string>();
  const onChanged = (feed: string) => changed.add(feed);
  const writer = makeLiveWriter({ database, tenant, lease, source, now, stopwatch, onChanged });
  let feeds = await readFeeds();
  if (connector.evidence === "numbers") await doubtClocks(database.sql, tenant, lease, feeds);
  const background = [keepFlushing(writer, source), keepFillingGaps(options, () => feeds, changed)];
  try {
    while (!signal.aborted) {
      const other = new AbortController();
      const watching = keepCalling(
        FEEDS_SECONDS,
        async () => {
          const next = await readFeeds();
          if (isDeepStrictEqual(next, feeds)) return;
          feeds = next;
          other.abort();
        },
        (error) => collectorFailed.publish({ source, step: "gaps", error }),
      );
      const until = AbortSignal.any([signal, other.signal]);
      const { transport } = connector.live;
      const most = typeof transport === "object" ? Number.POSITIVE_INFINITY : MOST_FEEDS[transport];
      const groups = groupsOf(feeds, most);
      await Promise.all([untilAborted(until), ...groups.map((group) => keepConnected(options, group, writer, until))]);
      watching.stop();
    }
  } finally {
    for (const { stop } of background) stop();
    await Promise.race([writer.flush().catch(() => {}), sleep(LAST_FLUSH_MS)]);
  }
}

function groupsOf(feeds: readonly CollectedFeed[], most: number): (readonly CollectedFeed[])[] {
  if (feeds.length === 0) return [];
  return feeds.length <= most ? [feeds] : [feeds.slice(0, most), ...groupsOf(feeds.slice(most), most)];
}

/** Connects for some feeds of a source again and again. */
async function keepConnected(
  { connector, endpoint, database, tenant, source, now, stopwatch, random, get, ask }: LiveOptions,
  feeds: readonly CollectedFeed[],
  writer: LiveWriter,
  signal: AbortSignal,
): Promise<void> {
  const names = feeds.map(({ feed }) => feed);
  const tracker = makeTracker(connector.evidence, feeds, writer, { now, stopwatch });
  const problems = makeProblems(database, tenant, source);
  const doubted = new Set<string>();
  let failures = 0;
  while (!signal.aborted) {
    const { probe, follow } = connector.live;
    const end = await runConnection(
      {
        ...{ connector, endpoint, feeds, now, stopwatch, ask, cursor: tracker.cursor(), doubted },
        onMessage: (message, text) => {
          tracker.take(message, text);
          if (message.type === "refused") problems.refused(feeds, message);
          if (message.type === "subscribed") {
            doubted.delete(message.market);
            problems.accepted(feeds, message.market);
          }
        },
        onLive: () => {
          problems.reached();
          connected.publish({ source, feeds: names });
        },
        onTick: () => {
          tracker.tick();
          if (writer.waiting() <= MOST_WAITING) return null;
          return `the database does not take the trades: ${writer.waiting()} wait`;
        },
        probe:
          probe === null
            ? null
            : () =>
                probe.ask(get, endpoint, feeds, tracker.cursor()).catch((error) => {
                  collectorFailed.publish({ source, step: "probe", error: asError(error) });
                  throw error;
                }),
        follow: follow === undefined ? null : (pause) => follow(get, endpoint, feeds, tracker.cursor(), pause),
      },
      signal,
    );
    tracker.cut();
    for (const market of end.doubted) doubted.add(market);
    if (signal.aborted) return;
    failures = failuresAfter(failures, end.liveSeconds);
    const retrySeconds = reconnectSeconds(failures, random(), end.retryAfterSeconds);
    if (end.liveSeconds === 0) problems.unreached(end.reason);
    disconnected.publish({ source, feeds: names, reason: end.reason, wasLive: end.liveSeconds > 0, retrySeconds });
    await sleep(retrySeconds * 1000, undefined, { signal }).catch(() => {});
    while (writer.waiting() > MOST_WAITING && !signal.aborted)
      await sleep(FLUSH_MS, undefined, { signal }).catch(() => {});
  }
}

/** Notes in the ledger what is wrong with a source's connections. The next change notes it again where the database does not answer. */
function makeProblems(database: Database, tenant: string, source: string) {
  const tell = (work: Promise<void>): void => {
    work.catch((error) => collectorFailed.publish({ source, step: "coverage", error: asError(error) }));
  };
  const feedOf = (feeds: readonly CollectedFeed[], market: string) =>
    feeds.find((each) => each.market === market)?.feed;
  return {
    reached: () => tell(clearProblem(database.sql, tenant, "venue_unreachable", source)),
    unreached: (message: string) =>
      tell(noteProblem(database.sql, tenant, { code: "venue_unreachable", key: source, message })),
    refused: (feeds: readonly CollectedFeed[], { market, reason }: Extract<VenueMessage, { type: "refused" }>) => {
      const feed = feedOf(feeds, market);
      if (feed === undefined) return;
      marketRefused.publish({ source, feed, reason });
      tell(noteProblem(database.sql, tenant, { code: "market_refused", key: feed, message: reason }));
    },
    accepted: (feeds: readonly CollectedFeed[], market: string) => {
      const feed = feedOf(feeds, market);
      if (feed !== undefined) tell(clearProblem(database.sql, tenant, "market_refused", feed));
    },
  };
}

/** Writes four times a second, and at once where a whole batch waits. */
function keepFlushing(writer: LiveWriter, source: string): { readonly stop: () => void } {
  const stopped = new AbortController();
  void run();
  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      let pause = FLUSH_MS;
      let enough = BATCH_ROWS;
      try {
        await writer.flush();
      } catch (error) {
        collectorFailed.publish({ source, step: "write", error: asError(error) });
        [pause, enough] = [WRITE_AGAIN_MS, Number.POSITIVE_INFINITY];
      }
      for (let waited = 0; waited < pause && writer.waiting() < enough && !stopped.signal.aborted; waited += LOOK_MS) {
        await sleep(LOOK_MS, undefined, { signal: stopped.signal }).catch(() => {});
      }
    }
  }
  return { stop: () => stopped.abort() };
}

/** Makes jobs for gaps: soon for feeds whose coverage has changed, and now and then for all. */
function keepFillingGaps(
  { source, fillGaps, stopwatch }: LiveOptions,
  feeds: () => readonly CollectedFeed[],
  changed: Set<string>,
): { readonly stop: () => void } {
  let allAt = Number.NEGATIVE_INFINITY;
  return keepCalling(
    GAPS_SECONDS,
    async () => {
      const isAll = stopwatch() - allAt >= ALL_GAPS_SECONDS;
      if (isAll) allAt = stopwatch();
      for (const feed of feeds()) {
        if (!isAll && !changed.delete(feed.feed)) continue;
        await fillGaps(feed);
      }
    },
    (error) => collectorFailed.publish({ source, step: "gaps", error }),
  );
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
