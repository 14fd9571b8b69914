import { onTestFinished, vi } from "vitest";
import { formatTime, type Micros } from "../../internal/canonical/time.ts";
import { declareFeeds, submitLiveJobs } from "../../internal/collect/declare.ts";
import { loadConfig } from "../../internal/config/load.ts";
import { findIncidents } from "../../internal/control/incidents/keeper.ts";
import { configuredFeeds } from "../../internal/daemon/feeds.ts";
import { runWorkerDaemon } from "../../internal/daemon/worker.ts";
import { systemClock } from "../../internal/lib/clock.ts";
import { createLogger } from "../../internal/obs/logger.ts";
import {
  openTestDatabase,
  type TestDatabase,
  testEngines,
} from "../../internal/storage/connection/database.testing.ts";
import type { Sql } from "../../internal/storage/connection/pool.ts";
import { listCoverage, listGaps } from "../../internal/storage/control/coverage.ts";
import { type Incident, type IncidentCode, listIncidents } from "../../internal/storage/control/incidents.ts";
import type { Environment } from "../program.ts";
import type { StandIn } from "../venues/server.ts";

const ALL = { after: null, limit: 1000 };
const TENANT = "default";

/** A trade as it is stored. */
export interface StoredTrade {
  readonly ts: Micros;
  readonly id: string;
  readonly base: string;
  readonly quote: string;
}

/** A database with declared feeds, and workers that collect them. */
export interface Collecting {
  readonly database: TestDatabase;
  readonly config: ReturnType<typeof loadConfig>["config"];
  /** The configuration, for processes of their own. */
  readonly environment: Environment;
  /** Starts a worker in this process; returns how to stop it. */
  readonly work: (name?: string) => () => Promise<void>;
  readonly stored: (source: string) => Promise<readonly StoredTrade[]>;
  readonly gaps: (feed: string) => Promise<readonly string[]>;
  readonly coveredTo: (feed: string) => Promise<Micros | null>;
  /** Resolves once everything that has happened at the stand-in is stored and covered without a gap. */
  readonly complete: (venue: StandIn, feed: string, count: number) => Promise<void>;
}

/** Waits longer than the time for which anything of a collector may take. */
export const PATIENCE = { interval: 100, timeout: 60_000 };

/** Starts a stand-in for a test. */
export async function started(start: () => Promise<StandIn>): Promise<StandIn> {
  const venue = await start();
  onTestFinished(venue.close);
  return venue;
}

/** When a feed that is declared shortly before a test's trades starts. */
export const began = (): string => new Date(Date.now() - 30_000).toISOString();

export const connected = (venue: StandIn, count = 1) => vi.waitUntil(() => venue.connections() >= count, PATIENCE);

/** Has the incidents found, as a control daemon does, and returns the open ones of a code. */
export async function openIncidents({ sql }: TestDatabase, code: IncidentCode): Promise<Incident[]> {
  await findIncidents(sql);
  return listIncidents(sql, TENANT, { isOpen: true, code, before: null, limit: 10 });
}

/** Writes a list of tables as the environment takes it. */
export function tablesText(tables: readonly object[]): string {
  const text = (table: object) => `{${Object.entries(table).map(([key, value]) => `${key}=${JSON.stringify(value)}`)}}`;
  return `[${tables.map(text).join(",")}]`;
}

/** Reads the stored trades of a source, in their order. */
export async function readTrades(sql: Sql, source: string): Promise<StoredTrade[]> {
  const rows = await sql<{ ts: string; id: string; base: string; quote: string }[]>`
    SELECT (extract(epoch FROM ts) * 1000000)::bigint::text AS ts, trade_id AS id, base_asset AS base, quote_asset AS quote
    FROM trades WHERE source = ${source} ORDER BY ts, length(trade_id), trade_id`;
  return rows.map(({ ts, ...row }) => ({ ts: BigInt(ts), ...row }));
}

export async function collecting(
  venues: readonly StandIn[],
  feeds: readonly { source: string; pair: string; market?: string; start?: string }[],
  where?: TestDatabase,
): Promise<Collecting> {
  const engine = testEngines.at(-1);
  if (engine === undefined) throw new Error("there is no engine to test on");
  const database = where ?? (await openTestDatabase(engine));
  const endpoints = venues.map(({ source, live, rest, files }) => ({
    source,
    live,
    rest,
    ...(files !== undefined && { files }),
  }));
  const environment = { STELLARINDEX_FEEDS: tablesText(feeds), STELLARINDEX_COLLECT_ENDPOINTS: tablesText(endpoints) };
  const { config } = loadConfig({ env: environment });
  const declared = configuredFeeds(config);
  await declareFeeds(database, TENANT, declared, config.collect.endpoints, systemClock.now);
  // Stand-ins bear more than venues.
  await database.sql`UPDATE control.throttles SET max_rate = 200, rate = 200, burst = 200, tokens = 200`;
  await submitLiveJobs(database, TENANT, declared, config.collect.endpoints);
  const stops: (() => Promise<void>)[] = [];
  onTestFinished(async () => {
    for (const stop of stops) await stop();
    await database.drop();
  });

  const gaps = async (feed: string): Promise<string[]> =>
    (await listGaps(database.sql, TENANT, feed, ALL)).map(({ from, to }) => `${formatTime(from)} ${formatTime(to)}`);
  const coveredTo = async (feed: string): Promise<Micros | null> =>
    (await listCoverage(database.sql, TENANT, feed, ALL)).at(-1)?.to ?? null;
  const stored = (source: string) => readTrades(database.sql, source);

  return {
    ...{ database, config, environment, gaps, coveredTo, stored },
    work: (name = "worker") => {
      const stop = new AbortController();
      const log = createLogger("silent", "test");
      const settings = {
        ...{ tenant: TENANT, name, kinds: ["collect.live", "collect.history"], concurrency: 2, leaseSeconds: 5 },
      };
      const working = runWorkerDaemon(config, database, log, settings, stop.signal);
      const end = async (): Promise<void> => {
        stop.abort();
        await working;
      };
      stops.push(end);
      return end;
    },
    complete: async (venue, feed, count) => {
      const last = venue.markets.all().reduce((latest, { ts }) => (ts > latest ? ts : latest), 0n);
      await vi.waitFor(async () => {
        const found = { stored: (await stored(venue.source)).length, gaps: await gaps(feed) };
        const to = (await coveredTo(feed)) ?? 0n;
        if (found.stored === count && found.gaps.length === 0 && to > last) return;
        throw new Error(
          `${feed}: ${JSON.stringify(found)} of ${count}, covered to ${formatTime(to)}, not ${formatTime(last)}`,
        );
      }, PATIENCE);
    },
  };
}
