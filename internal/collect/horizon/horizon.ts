import { type Asset, classicParts } from "../../canonical/asset.ts";
import { InputError } from "../../canonical/input-error.ts";
import { formatPair } from "../../canonical/pair.ts";
import type { Connector } from "../connector.ts";
import { decodeHorizon } from "./decode.ts";
import { horizonHistory, probeHorizon } from "./history.ts";
import { tradesUrl } from "./trades-url.ts";

/** Horizon, of Stellar's network: trades of order books and of classic liquidity pools; see README.md. */
export const horizon: Connector = {
  name: "horizon",
  source: "sdex",
  endpoint: { live: "https://horizon.stellar.org", rest: "https://horizon.stellar.org" },
  // 3600 requests an hour and address, of which the streams take some.
  pace: { maxRate: 0.8, burst: 5 },
  evidence: "cursor",
  marketOf: ({ base, quote }) => formatPair({ base: onLedger(base), quote: onLedger(quote) }),
  live: {
    transport: "events",
    url: ({ live }, [feed], cursor) => tradesUrl(live, feed, { cursor: cursor ?? "now", order: "asc", limit: 200 }),
    subscribe: () => [],
    decode: decodeHorizon,
    ping: null,
    // A stream ends by itself after a minute.
    silenceSeconds: 120,
    probe: { everySeconds: 10, ask: probeHorizon },
  },
  history: horizonHistory,
  historyUnit: 1n,
  historySeconds: null,
  windowSeconds: 3600,
};

function onLedger(asset: Asset): Asset {
  if (asset === "native" || classicParts(asset) !== null) return asset;
  const cure = asset === "crypto:XLM" ? "write native" : "write native or CODE-ISSUER";
  throw new InputError(`horizon has no market of ${asset}; ${cure}`);
}
