import type { Connector } from "../connector.ts";
import { marketCode } from "../market-code.ts";
import { decodeCoinbase } from "./decode.ts";
import { coinbaseHistory } from "./history.ts";

/** Coinbase Exchange: WebSocket feed and REST; see README.md. */
export const coinbase: Connector = {
  name: "coinbase",
  source: "coinbase",
  endpoint: { live: "wss://ws-feed.exchange.coinbase.com", rest: "https://api.exchange.coinbase.com" },
  pace: { maxRate: 5, burst: 5 },
  evidence: "numbers",
  marketOf: ({ base, quote }) => `${marketCode("coinbase", base)}-${marketCode("coinbase", quote)}`,
  live: {
    transport: "websocket",
    url: ({ live }) => new URL(live),
    // One request for each market: a wrong one would have all others of its request refused.
    subscribe: (feeds) =>
      feeds.map(({ market }) =>
        JSON.stringify({ type: "subscribe", product_ids: [market], channels: ["matches", "heartbeat"] }),
      ),
    decode: decodeCoinbase,
    ping: null,
    // Heartbeats of each market come every second.
    silenceSeconds: 10,
    probe: null,
  },
  history: coinbaseHistory,
  historyUnit: 1n,
  historySeconds: null,
  windowSeconds: 3600,
};
