import { type Asset, classicParts } from "../canonical/asset.ts";
import { InputError } from "../canonical/input-error.ts";
import { formatPair, type Pair, parsePair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import type { Database } from "../storage/connection/database.ts";
import { inTransaction, READ_COMMITTED } from "../storage/connection/transaction.ts";
import { declareFeed, listFeeds, readFeed } from "../storage/control/feeds.ts";
import { latestLiveJob, liveKey } from "../storage/control/latest-job.ts";
import { submitJob } from "../storage/control/submit.ts";
import { ensureThrottle } from "../storage/control/throttles.ts";
import type { Connector } from "./connector.ts";
import { connectorNamed } from "./connectors.ts";
import type { CollectedFeed, Endpoint } from "./feed.ts";

/** The kinds of jobs that collect. */
export const LIVE_KIND = "collect.live";
export const HISTORY_KIND = "collect.history";

/** A market to collect, as it is configured. */
export interface FeedSettings {
  readonly source: string;
  readonly connector: string;
  readonly pair: Pair;
  /** Undefined where it follows from the pair. */
  readonly market?: string | undefined;
  /** Undefined for when it is declared first. */
  readonly start?: Micros | undefined;
}

/** Where sources are reached that are not reached at their venue's own addresses. */
export type EndpointSettings = readonly {
  readonly source: string;
  readonly live?: string | undefined;
  readonly rest?: string | undefined;
  readonly files?: string | undefined;
}[];

/** The settings by which venues are reached. */
export interface CollectSettings {
  readonly endpoints: EndpointSettings;
  /** Empty for none. */
  readonly coingecko_key: string;
}

export interface FeedToDeclare {
  readonly connector: Connector;
  readonly collected: CollectedFeed;
  readonly start: Micros | null;
}

/** What a feed's jobs get as payload. */
export interface FeedPayload {
  readonly feed: string;
  readonly source: string;
  readonly connector: string;
  readonly market: string;
  readonly pair: string;
}

/** Live work before everything else. */
const LIVE_PRIORITY = 1;
const LIVE_ATTEMPTS = 20;
/** The ledger takes no longer windows for runs. */
const MOST_CHUNK_SECONDS = 366 * 86_400;
const DAY_SECONDS = 86_400;

/** @throws InputError where a pair is none of the connector's */
export function feedOf({ source, connector: name, pair, market, start }: FeedSettings): FeedToDeclare {
  const connector = connectorNamed(name);
  const feed = `${source}:${shortName(pair.base)}-${shortName(pair.quote)}`;
  const named = market === undefined ? connector.marketOf(pair) : (connector.readMarket?.(market, pair) ?? market);
  const collected = { feed, source, pair, market: named };
  return { connector, collected, start: start ?? null };
}

/** @throws InputError where neither the venue nor the configuration has an address */
export function endpointOf(connector: Connector, source: string, settings: EndpointSettings): Endpoint {
  const own = settings.find((each) => each.source === source);
  // A node has one address for everything.
  const live = own?.live ?? connector.endpoint?.live ?? own?.rest;
  const rest = own?.rest ?? connector.endpoint?.rest ?? own?.live;
  if (live !== undefined && rest !== undefined) {
    return { live, rest, ...(own?.files !== undefined && { files: own.files }) };
  }
  throw new InputError(
    `${source} has no address that is open to everybody; write [[collect.endpoints]] with source = ${JSON.stringify(source)} and rest, the URL of your node or provider`,
  );
}

/** Returns where a source is reached, with the key that its venue gave. @throws InputError as {@link endpointOf} does */
export function accessOf(connector: Connector, source: string, settings: CollectSettings): Endpoint {
  const endpoint = endpointOf(connector, source, settings.endpoints);
  return connector.name === "coingecko" && settings.coingecko_key !== ""
    ? { ...endpoint, key: settings.coingecko_key }
    : endpoint;
}

/** Returns the feed of a payload. @throws InputError where the pair does not parse */
export function collectedFeed({ feed, source, market, pair }: FeedPayload): CollectedFeed {
  return { feed, source, market, pair: parsePair(pair) };
}

/**
 * Declares feeds to the ledger, with the pace of their hosts unless that is set already, and makes a job for each source that
 * has none. A source whose job was cancelled gets none.
 */
export async function declareFeeds(
  { sql }: Pick<Database, "sql">,
  tenant: string,
  feeds: readonly FeedToDeclare[],
  endpoints: EndpointSettings,
  now: () => Micros,
): Promise<void> {
  for (const { connector, collected, start } of feeds) {
    const { rest, files } = endpointOf(connector, collected.source, endpoints);
    const { host } = new URL(rest);
    await ensureThrottle(sql, tenant, host, connector.pace);
    const known = await readFeed(sql, tenant, collected.feed);
    const { feed, source, market, pair } = collected;
    const payload: FeedPayload = { feed, source, connector: connector.name, market, pair: formatPair(pair) };
    await declareFeed(sql, tenant, {
      ...{ feed, source, host, kind: HISTORY_KIND, payload: { ...payload } },
      startAt: start ?? known?.startAt ?? now(),
      // Files have whole days.
      chunkSeconds: files === undefined ? Math.min(connector.windowSeconds, MOST_CHUNK_SECONDS) : DAY_SECONDS,
    });
  }
}

/** Makes the job of each source that has declared feeds and no job that has not ended, unless the last one was cancelled. */
export async function submitLiveJobs(
  { sql }: Pick<Database, "sql">,
  tenant: string,
  feeds: readonly FeedToDeclare[],
  endpoints: EndpointSettings,
): Promise<void> {
  const sources = new Map(feeds.map(({ connector, collected: { source } }) => [source, connector]));
  for (const [source, connector] of sources) {
    const idempotencyKey = liveKey(source);
    const last = await latestLiveJob(sql, tenant, source);
    if (last !== null && ["ready", "leased", "blocked", "cancelled"].includes(last.state)) continue;
    const host = new URL(endpointOf(connector, source, endpoints).rest).host;
    await inTransaction(sql, READ_COMMITTED, (transaction) =>
      submitJob(transaction, tenant, {
        ...{ kind: LIVE_KIND, payload: { source, connector: connector.name }, priority: LIVE_PRIORITY, source, host },
        ...{
          feed: null,
          runId: null,
          runAt: null,
          maxAttempts: LIVE_ATTEMPTS,
          idempotencyKey,
          needs: [],
          traceparent: null,
        },
      }),
    );
  }
}

/** Returns the declared feeds of a source and connector. */
export async function readCollectedFeeds(
  { sql }: Pick<Database, "sql">,
  tenant: string,
  source: string,
  connector: string,
): Promise<CollectedFeed[]> {
  const feeds = await listFeeds(sql, tenant, null, 10_000);
  return feeds.flatMap(({ source: of, kind, payload }) =>
    of === source && kind === HISTORY_KIND && payload["connector"] === connector
      ? [collectedFeed(payload as unknown as FeedPayload)]
      : [],
  );
}

/** Returns an asset's name within that of a feed, which has limited length. */
function shortName(asset: Asset): string {
  const parts = classicParts(asset);
  if (parts !== null) return `${parts.code}.${parts.issuer.slice(0, 12)}`;
  if (asset === "native") return "XLM";
  const [, code = asset.slice(0, 16)] = /^(?:crypto|fiat):(.+)$/.exec(asset) ?? [];
  return code;
}
