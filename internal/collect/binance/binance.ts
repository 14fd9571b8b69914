import type { Connector } from "../connector.ts";
import { marketCode } from "../market-code.ts";
import { decodeBinance } from "./decode.ts";
import { binanceHistory } from "./history.ts";
import { readBinanceClock } from "./requests.ts";

/** Binance spot: WebSocket streams and REST; see README.md. */
export const binance: Connector = {
  name: "binance",
  source: "binance",
  endpoint: { live: "wss://data-stream.binance.vision/ws", rest: "https://api.binance.com" },
  // Old trades weigh 25 each, of the 6000 that an address may spend in a minute.
  pace: { maxRate: 3, burst: 3 },
  evidence: "numbers",
  marketOf: ({ base, quote }) => `${marketCode("binance", base)}${marketCode("binance", quote)}`,
  live: {
    transport: "websocket",
    url: ({ live }) => {
      const url = new URL(live);
      url.searchParams.set("timeUnit", "MICROSECOND");
      return url;
    },
    subscribe: (feeds) => [
      JSON.stringify({
        method: "SUBSCRIBE",
        params: feeds.map(({ market }) => `${market.toLowerCase()}@trade`),
        id: 1,
      }),
    ],
    decode: decodeBinance,
    ping: null,
    silenceSeconds: null,
    probe: { everySeconds: 5, ask: readBinanceClock },
  },
  history: binanceHistory,
  historyUnit: 1n,
  historySeconds: null,
  windowSeconds: 900,
};
