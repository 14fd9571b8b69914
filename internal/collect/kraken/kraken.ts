import type { Connector } from "../connector.ts";
import { marketCode } from "../market-code.ts";
import { decodeKraken } from "./decode.ts";
import { krakenHistory } from "./history.ts";

/** Kraken spot: WebSocket API v2 and REST; see README.md. */
export const kraken: Connector = {
  name: "kraken",
  source: "kraken",
  endpoint: { live: "wss://ws.kraken.com/v2", rest: "https://api.kraken.com" },
  pace: { maxRate: 1, burst: 1 },
  evidence: "numbers",
  marketOf: ({ base, quote }) => `${marketCode("kraken", base)}/${marketCode("kraken", quote)}`,
  live: {
    transport: "websocket",
    url: ({ live }) => new URL(live),
    subscribe: (feeds) => [
      JSON.stringify({
        method: "subscribe",
        params: { channel: "trade", symbol: feeds.map(({ market }) => market), snapshot: true },
      }),
    ],
    decode: decodeKraken,
    ping: JSON.stringify({ method: "ping" }),
    // Heartbeats come every second while something is subscribed.
    silenceSeconds: 10,
    probe: null,
  },
  history: krakenHistory,
  historyUnit: 1n,
  historySeconds: null,
  windowSeconds: 3600,
};
