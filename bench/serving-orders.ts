import type { ApiSettings } from "../internal/api/context.ts";
import { parsePair } from "../internal/canonical/pair.ts";

export const SERVED_PAIR = parsePair("XLM/USD");

export const SERVED_SETTINGS: ApiSettings = {
  pairs: [SERVED_PAIR],
  windows: [300, 3600, 86_400],
  intervalSeconds: 30,
  bucketSeconds: 15,
  settleSeconds: 5,
  vwapWindowSeconds: 300,
  twapWindowSeconds: 300,
  maxTrades: 10_000,
  priceFreshnessSeconds: 30,
  requestTimeoutSeconds: 10,
  maxInFlight: 256,
  maxComputations: 10,
  keys: "none",
};

/** What a server process serves. */
export type ServerOrder =
  | { readonly kind: "api"; readonly redisUrl: string; readonly keyPrefix: string }
  /** A constant of this many bytes, from a bare Hono route or from plain `node:http`. */
  | { readonly kind: "bare" | "node"; readonly length: number };

/** The requests of the load generator, each connection with one request at a time. */
export interface LoadOrder {
  readonly port: number;
  readonly path: string;
  /** Whether to send the ETag of the first answer, so that all others are 304. */
  readonly isConditional: boolean;
  readonly connections: number;
  readonly seconds: number;
  readonly mostRequests: number;
}

export interface Load {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The length of the first answer and the status of the following ones. */
  readonly length: number;
  readonly status: number;
}
