import type { Connector } from "../connector.ts";
import { marketCode } from "../market-code.ts";
import { CLOCK_CHANNEL, decodeBitstamp, TRADES_CHANNEL } from "./decode.ts";
import { bitstampHistory } from "./history.ts";

/** Bitstamp spot: WebSocket API v2 and HTTP API v2; see README.md. */
export const bitstamp: Connector = {
  name: "bitstamp",
  source: "bitstamp",
  endpoint: { live: "wss://ws.bitstamp.net", rest: "https://www.bitstamp.net" },
  // 10 000 requests in ten minutes are allowed.
  pace: { maxRate: 5, burst: 5 },
  // Ids are those of all markets, so that those of one market leave numbers out.
  evidence: "connection",
  marketOf: ({ base, quote }) => `${marketCode("bitstamp", base)}${marketCode("bitstamp", quote)}`.toLowerCase(),
  live: {
    transport: "websocket",
    url: ({ live }) => new URL(live),
    subscribe: (feeds) =>
      [...feeds.map(({ market }) => `${TRADES_CHANNEL}${market}`), CLOCK_CHANNEL].map((channel) =>
        JSON.stringify({ event: "bts:subscribe", data: { channel } }),
      ),
    decode: decodeBitstamp,
    ping: JSON.stringify({ event: "bts:heartbeat" }),
    // Heartbeats are sent every five seconds, and answered.
    silenceSeconds: 10,
    probe: null,
  },
  history: bitstampHistory,
  historyUnit: 1_000_000n,
  historySeconds: 86_400,
  windowSeconds: 3600,
};
