import { onTestFinished } from "vitest";
import { type Divergence, parseDivergence } from "../cache/divergence.ts";
import { divergenceKey, vwapKey } from "../cache/keys.ts";
import { openMemoryStore } from "../cache/memory/store.ts";
import type { PriceStore } from "../cache/store.ts";
import { parseDecimal } from "../canonical/decimal.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { serializePublished } from "../canonical/published.ts";
import { formatTime, type Micros, parseTime, seconds } from "../canonical/time.ts";
import type { HttpClientOptions } from "../http/client.ts";
import { type Handler, type LocalServer, quickHttp, serve } from "../http/local-server.testing.ts";
import { createChainlink } from "./chainlink.ts";
import { createCoingecko } from "./coingecko.ts";
import { type DivergenceEvent, divergenceChecked } from "./events.ts";
import type { Reference } from "./reference.ts";
import { chainlinkBody, coingeckoBody, type GivenQuote } from "./references.testing.ts";
import { createDivergenceService, type DivergenceContext, type DivergenceService } from "./service.ts";

/** The clock at the start of a test. */
export const NOW: Micros = parseTime("2026-05-01T12:00:00Z");
export const WINDOW_SECONDS = 300;

/** Returns a quote with a timestamp of 30 s before NOW, or of another time. */
export function quote(price: string, at: Micros = NOW - seconds(30)): GivenQuote {
  return { price, at };
}

/** The prices by pair that a reference returns, or its server's request handler. */
export type Given = ReadonlyMap<Pair, GivenQuote> | Handler;

export interface ServedReference extends LocalServer {
  readonly reference: Reference;
}

/** Serves CoinGecko locally; the reference covers the pairs. */
export async function serveCoingecko(
  pairs: readonly Pair[],
  given: Given,
  http: Partial<HttpClientOptions> = {},
): Promise<ServedReference> {
  const server = await serve((request, response, index) => {
    if (typeof given === "function") given(request, response, index);
    else response.end(coingeckoBody(Object.fromEntries([...given].map(([pair, quote]) => [pair.base, quote]))));
  });
  const ids = new Map(pairs.map(({ base }) => [base, base]));
  return { ...server, reference: createCoingecko({ url: server.url, ids }, quickHttp(http)) };
}

/** Serves Chainlink locally, with one feed per pair. */
export async function serveChainlink(
  pairs: readonly Pair[],
  given: Given,
  http: Partial<HttpClientOptions> = {},
): Promise<ServedReference> {
  const addressOf = (pair: Pair) => `0x${(pairs.indexOf(pair) + 1).toString(16).padStart(40, "0")}`;
  const server = await serve((request, response, index) => {
    if (typeof given === "function") given(request, response, index);
    else {
      const feeds = Object.fromEntries([...given].map(([pair, quote]) => [addressOf(pair), quote]));
      response.end(chainlinkBody(request.body, feeds));
    }
  });
  const feeds = pairs.map((pair) => ({ pair, address: addressOf(pair) }));
  return { ...server, reference: createChainlink({ url: server.url, feeds }, quickHttp(http)) };
}

/** Overrides of the service's default options. */
export interface Options extends Partial<Omit<DivergenceContext, "rules">> {
  readonly minReferences?: number;
  readonly signal?: AbortSignal;
}

export interface World {
  readonly store: PriceStore;
  /** All published events. */
  readonly events: readonly DivergenceEvent[];
  /** Returns the events in short form: `crypto:XLM/fiat:USD ok`. */
  readonly outcomes: () => string[];
  readonly now: () => Micros;
  /** Advances the clock. */
  readonly pass: (duration: Micros) => void;
  /** Publishes a price, or any text in its place. */
  readonly publish: (pair: Pair, price: string, text?: (published: string) => string) => Promise<void>;
  /** Returns the value under a pair's `div:` key. */
  readonly kept: (pair: Pair) => Promise<Divergence | null>;
  readonly open: (options: Options) => DivergenceService;
  /** Runs one check to its end and returns the stored result of its first pair. */
  readonly check: (options: Options) => Promise<Divergence | null>;
}

/** Opens a store, a clock and services under the default rules for one test; they are closed when the test ends. */
export function openWorld(): World {
  let clock = NOW;
  const now = () => clock;
  const store = openMemoryStore(now);
  const events: DivergenceEvent[] = [];
  onTestFinished(divergenceChecked.subscribe((event) => events.push(event)));

  const kept: World["kept"] = async (pair) => {
    const [text] = await store.read([divergenceKey(pair)]);
    return typeof text === "string" ? parseDivergence(text) : null;
  };
  const open: World["open"] = ({ signal, minReferences = 2, ...options }) => {
    const ending = new AbortController();
    const service = createDivergenceService(
      () => ({
        store,
        references: [],
        storedQuotes: null,
        pairs: [],
        windowSeconds: WINDOW_SECONDS,
        rules: { thresholdPct: parseDecimal("5"), minReferences },
        minIntervalSeconds: 300,
        maxAgeSeconds: 5400,
        now,
        ...options,
      }),
      signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal]),
    );
    onTestFinished(async () => {
      ending.abort();
      await service.settle();
    });
    return service;
  };
  return {
    store,
    events,
    outcomes: () => events.map(({ pair, outcome }) => `${formatPair(pair)} ${outcome}`),
    now,
    pass: (duration) => {
      clock += duration;
    },
    publish: async (pair, price, text = (published) => published) => {
      const to = formatTime(clock);
      const value = serializePublished({
        pair: formatPair(pair),
        window_seconds: WINDOW_SECONDS,
        from: formatTime(clock - seconds(WINDOW_SECONDS)),
        to,
        price,
        base_volume: "1000",
        quote_volume: "1000",
        usd_volume: null,
        trade_count: 1,
        sources: [],
        dropped: { class: 0, outlier: 0 },
        policy: "0123456789ab",
      });
      const key = vwapKey(pair, WINDOW_SECONDS);
      await store.publish([{ key, value: text(value), to, ttlSeconds: WINDOW_SECONDS }]);
    },
    kept,
    open,
    check: async (options) => {
      const service = open(options);
      service.start(clock, () => true);
      await service.settle();
      const [pair] = options.pairs ?? [];
      return pair === undefined ? null : kept(pair);
    },
  };
}
