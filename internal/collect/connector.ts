import type { Pair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import type { TradeRow } from "../canonical/trade.ts";
import type { Evidence } from "./coverage/proof.ts";
import type { CollectedFeed, Endpoint } from "./feed.ts";
import type { VenueMessage } from "./message.ts";

/**
 * Sends a request to the venue within its pace, and returns the body of the answer.
 * @param json sent by POST, if it is given; otherwise it is a GET request
 * @throws VenueThrottled where the venue asks for fewer requests; HttpError where there is no answer
 */
export type VenueGet = (url: URL, headers?: Readonly<Record<string, string>>, json?: string) => Promise<string>;

/** What a venue answered, and how it is asked whether that has changed. */
export interface VenueAnswer {
  readonly text: string;
  /** Headers by which a request is answered only if the answer is another one (RFC 9110, 13.1); none where it has no version. */
  readonly unless: Readonly<Record<string, string>>;
}

/** Like {@link VenueGet}; null where the answer is that of which the headers tell. */
export type VenueAsk = (url: URL, headers: Readonly<Record<string, string>>) => Promise<VenueAnswer | null>;

/** Stores what a GET request is answered at a path on disk. Returns false, and stores nothing, where there is none (404). */
export type VenueDownload = (url: URL, path: string) => Promise<boolean>;

/** Part of a market's trades. */
export interface TradePage {
  readonly trades: readonly TradeRow[];
  /** Trades that have no price, because an amount is 0. */
  readonly ignored: number;
  /** What could not be understood, and why. */
  readonly unread: readonly { readonly message: string; readonly reason: string }[];
  /** Event time of which the page has every trade; null where only the whole window is complete. */
  readonly complete: { readonly from: Micros; readonly to: Micros } | null;
}

/** A window of a market's history. */
export interface HistoryWindow {
  readonly feed: CollectedFeed;
  readonly endpoint: Endpoint;
  readonly from: Micros;
  readonly to: Micros;
}

/** One connection to a venue, for one or more markets. */
export interface LiveProtocol {
  /** A venue that sends nothing by itself is asked again and again, for all markets at once, or followed by requests of the connector's own. */
  readonly transport: "websocket" | "events" | "requests" | Polling;
  /**
   * Returns the address to connect to.
   * @param cursor after which the stream is resumed; null for now
   */
  readonly url: (endpoint: Endpoint, feeds: readonly CollectedFeed[], cursor: string | null) => URL;
  /** What is sent to subscribe; empty where the address says it all. */
  readonly subscribe: (feeds: readonly CollectedFeed[]) => readonly string[];
  /**
   * Understands a message, or what a question was answered; never throws.
   * @param now when it came, by this machine's clock
   */
  readonly decode: (text: string, feeds: readonly CollectedFeed[], now: Micros) => readonly VenueMessage[];
  /** What is sent to ask for a sign of life in the venue's protocol; null where a ping frame has to do. */
  readonly ping: string | null;
  /** A connection on which nothing was said for so long is given up, in seconds; null where a quiet market says nothing. */
  readonly silenceSeconds: number | null;
  /**
   * Asks, every `probeSeconds` and by requests, how far the markets have come. The messages count as received on the
   * connection once a ping that was sent afterwards is answered on it.
   */
  readonly probe: Probe | null;
  /** How a venue is followed that is polled; only with that transport. */
  readonly follow?: Follow;
}

/** What one request of a poll brought: a text of the venue, and what it means. */
export interface Followed {
  readonly text: string;
  readonly messages: readonly VenueMessage[];
}

/**
 * Follows markets by requests until it is not iterated any more; what it throws ends the connection.
 * @param cursor after which the stream is resumed; null for now
 * @param pause waits for so many seconds; rejects where the connection is ended meanwhile
 */
export type Follow = (
  get: VenueGet,
  endpoint: Endpoint,
  feeds: readonly CollectedFeed[],
  cursor: string | null,
  pause: (seconds: number) => Promise<void>,
) => AsyncIterable<Followed>;

/** How a venue is asked again and again. */
export interface Polling {
  readonly headers: (endpoint: Endpoint) => Readonly<Record<string, string>>;
  /** Seconds until the next question. */
  readonly pauseSeconds: (endpoint: Endpoint, answer: string, now: Micros) => number;
}

export interface Probe {
  readonly everySeconds: number;
  readonly ask: (
    get: VenueGet,
    endpoint: Endpoint,
    feeds: readonly CollectedFeed[],
    cursor: string | null,
  ) => Promise<readonly VenueMessage[]>;
}

/** Code that speaks one venue's protocol. */
export interface Connector {
  readonly name: string;
  /** The source whose trades it collects, unless a feed says otherwise. */
  readonly source: string;
  /** The venue's own addresses; null where it has none that is open to everybody. */
  readonly endpoint: Endpoint | null;
  /** Requests a second that the venue bears, and how many at once. */
  readonly pace: { readonly maxRate: number; readonly burst: number };
  readonly evidence: Evidence;
  /**
   * Returns what the venue calls the market of a pair.
   * @throws InputError where it has no such market
   */
  readonly marketOf: (pair: Pair) => string;
  /**
   * Returns the market that a feed names; without this function it is the name.
   * @throws InputError where it cannot be one
   */
  readonly readMarket?: (name: string, pair: Pair) => string;
  readonly live: LiveProtocol;
  /** Reads a window page by page. Each page is stored before the next one is asked for. */
  readonly history: (get: VenueGet, window: HistoryWindow, download: VenueDownload) => AsyncIterable<TradePage>;
  /** Times that come by request are cut to this, in microseconds; 1 where they are those that come live. */
  readonly historyUnit: Micros;
  /** How far back the venue can be asked, in seconds; null for always, 0 for not at all. */
  readonly historySeconds: number | null;
  /** How long a window may be, in seconds. */
  readonly windowSeconds: number;
}
