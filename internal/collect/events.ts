import { channel, type EventChannel } from "../obs/channel.ts";

/** Trades of a live stream are stored. */
export interface TradesStoredEvent {
  readonly source: string;
  /** Whether they came live, or from requests for history. */
  readonly via: "live" | "history";
  readonly inserted: number;
  /** That were stored before. */
  readonly known: number;
  /** Of these, with other amounts. */
  readonly conflicting: number;
  /** From the time of the newest of the batch, by the venue's clock, until it was stored, in seconds; null for history, and where none is new. */
  readonly lagSeconds: number | null;
  /** From the arrival of the oldest of the batch until it was stored, in seconds; null for history. */
  readonly writeSeconds: number | null;
}

export const tradesStored: EventChannel<TradesStoredEvent> = channel("stellarindex:collect:trades-stored");

/** A connection to a venue is live: all markets that the venue has are subscribed. */
export interface ConnectedEvent {
  readonly source: string;
  readonly feeds: readonly string[];
}

export const connected: EventChannel<ConnectedEvent> = channel("stellarindex:collect:connected");

/** A connection to a venue ended, or there was none; another one is made after a wait. */
export interface DisconnectedEvent {
  readonly source: string;
  readonly feeds: readonly string[];
  readonly reason: string;
  /** Whether it was live. */
  readonly wasLive: boolean;
  readonly retrySeconds: number;
}

export const disconnected: EventChannel<DisconnectedEvent> = channel("stellarindex:collect:disconnected");

/** A message could not be understood, and is kept. */
export interface MessageUnreadEvent {
  readonly source: string;
  readonly reason: string;
}

export const messageUnread: EventChannel<MessageUnreadEvent> = channel("stellarindex:collect:message-unread");

/** The venue does not have a feed's market, or its trades are stored in the inverse orientation. */
export interface MarketRefusedEvent {
  readonly source: string;
  readonly feed: string;
  readonly reason: string;
}

export const marketRefused: EventChannel<MarketRefusedEvent> = channel("stellarindex:collect:market-refused");

/** A gap of a feed gets a job. */
export interface GapFoundEvent {
  readonly source: string;
  readonly feed: string;
  readonly from: string;
  readonly to: string;
  readonly job: string;
}

export const gapFound: EventChannel<GapFoundEvent> = channel("stellarindex:collect:gap-found");

/** The venue has the trades of a gap no more: it stays until the feed is said to cover it. */
export interface GapLostEvent {
  readonly source: string;
  readonly feed: string;
  readonly from: string;
  readonly to: string;
}

export const gapLost: EventChannel<GapLostEvent> = channel("stellarindex:collect:gap-lost");

/** Something of a collector failed that is repeated: storing trades, reporting coverage, or asking the venue how far it is. */
export interface CollectorFailedEvent {
  readonly source: string;
  readonly step: "write" | "coverage" | "probe" | "gaps";
  readonly error: Error;
}

export const collectorFailed: EventChannel<CollectorFailedEvent> = channel("stellarindex:collect:failed");
