import { z } from "zod";
import { formatDuration } from "../../canonical/duration.ts";
import { type Pair, parsePair } from "../../canonical/pair.ts";
import { needs, reportAt } from "../../lib/cross-checks.ts";
import { closeAliases } from "../../policy/aliases.ts";
import { MAX_WINDOW_SECONDS } from "../../policy/query.ts";
import { checkMarkets } from "../markets.ts";
import { aliasesField, contradictions, pegsField } from "./declarations.ts";
import { durationField, integerField, listenField, pairField } from "./fields.ts";
import { checkTriangulations, triangulationsField } from "./triangulations.ts";

const DAY = 86_400;

const DEFAULT_PAIRS: readonly Pair[] = ["XLM", "BTC", "ETH"].flatMap((base) =>
  ["USD", "EUR", "GBP"].map((quote) => parsePair(`${base}/${quote}`)),
);
const DEFAULT_WINDOWS: readonly number[] = [300, 3600, DAY];

const pairList = z.array(pairField).max(1000);
const pairsField = pairList.pipe(
  z.codec(z.custom<Pair[]>(), z.custom<Pair[]>(), {
    decode: (pairs) => (pairs.length === 0 ? [...DEFAULT_PAIRS] : pairs),
    encode: (pairs) => pairs,
  }),
);

const windowList = z.array(durationField.refine(isWindowLength, "is shorter than 1s or longer than 31 days")).max(100);
const windowsField = windowList.pipe(
  z.codec(z.custom<number[]>(), z.custom<number[]>(), {
    decode: (windows) => [...new Set(windows.length === 0 ? DEFAULT_WINDOWS : windows)].sort((a, b) => a - b),
    encode: (windows) => windows,
  }),
);

/** Whether the text is `public`, `testnet` or a passphrase of several words, which a misspelt `public` is not. */
function isNetwork(text: string): boolean {
  // With one more blank or line end it would name a different network.
  return text === "public" || text === "testnet" || /^[!-~]+( [!-~]+)+$/.test(text);
}

function isWindowLength(seconds: number): boolean {
  return seconds >= 1 && seconds <= MAX_WINDOW_SECONDS;
}

const windowSeconds = integerField(1, MAX_WINDOW_SECONDS)
  .prefault(300)
  .describe("a whole number of seconds, a multiple of bucket_seconds, at most 31 days (2678400)");

const factorField = z
  .number()
  .max(1000)
  .refine((factor) => factor === 0 || factor > 1, "is neither 0 nor above 1");

const keys = z.strictObject({
  pairs: pairsField.prefault([]).describe('a list of at most 1000 pairs, such as ["XLM/USD", "crypto:BTC/fiat:EUR"]'),
  windows: windowsField.prefault([]).describe('a list of at most 100 durations from 1s to 744h, such as ["5m", "24h"]'),
  interval_seconds: integerField(1, DAY).prefault(30).describe("a whole number of seconds from 1 to 86400"),
  bucket_seconds: integerField(1, DAY).prefault(15).describe("a whole number of seconds from 1 to 86400"),
  settle_seconds: integerField(0, 3600).prefault(5).describe("a whole number of seconds from 0 to 3600"),
  vwap_window_seconds: windowSeconds,
  twap_window_seconds: windowSeconds,
  disable_class_filter: z.boolean().prefault(false).describe("true or false"),
  enable_stablecoin_fiat_proxy: z.boolean().prefault(false).describe("true or false"),
  outlier_method: z.enum(["sigma", "mad"]).prefault("sigma").describe('"sigma" or "mad"'),
  outlier_sigma_threshold: z.number().min(0).max(1000).prefault(4).describe("a number from 0 (off) to 1000"),
  outlier_max_dropped_share: z
    .number()
    .min(0)
    .max(1)
    .prefault(0.5)
    .describe("a number from 0 to 1 (off), such as 0.5 for a half"),
  venue_deviation_pct: z.number().min(0).max(1000).prefault(10).describe("a percentage from 0 (off) to 1000"),
  max_source_share: z.number().min(0).max(1).prefault(0).describe("a number from 0 (off) to 1, such as 0.5 for a half"),
  min_usd_volume: z.number().min(0).max(1e15).prefault(10_000).describe("a number of US dollars from 0 (off) to 1e15"),
  min_usd_volume_unknown: z.enum(["publish", "refuse"]).prefault("refuse").describe('"publish" or "refuse"'),
  min_sources: integerField(1, 1000).prefault(1).describe("a whole number from 1 (off) to 1000"),
  guard_factor: factorField.prefault(2).describe("0 (off), or a number above 1 up to 1000"),
  guard_confirmations: integerField(1, 1000).prefault(2).describe("a whole number from 1 to 1000"),
  guard_hold_seconds: integerField(0, 7 * DAY)
    .prefault(3600)
    .describe("a whole number of seconds from 0 to 604800"),
  peg_tolerance_pct: z.number().min(0).max(100).prefault(2).describe("a percentage from 0 (off) to 100"),
  twap_carry_seconds: integerField(0, 7 * DAY)
    .prefault(3600)
    .describe("a whole number of seconds from 0 to 604800"),
  precompute_twap: z.boolean().prefault(false).describe("true or false"),
  triangulation_enabled: z.boolean().prefault(true).describe("true or false"),
  route_deviation_pct: z.number().min(0).max(1000).prefault(10).describe("a percentage from 0 (off) to 1000"),
  max_hops: integerField(2, 4).prefault(3).describe("a whole number from 2 to 4"),
  max_trades_per_window: integerField(1, 1e7).prefault(10_000).describe("a whole number from 1 to 10000000"),
  concurrency: integerField(1, 10_000).prefault(1000).describe("a whole number from 1 to 10000"),
  replicas: z.enum(["single", "shared"]).prefault("single").describe('"single" or "shared"'),
  ops_listen: listenField.prefault("127.0.0.1:9101").describe('host:port, such as "127.0.0.1:9101" or "[::1]:9101"'),
  stellar_network: z
    .string()
    .max(200)
    .refine(
      isNetwork,
      'is neither "public" nor "testnet" nor a passphrase, which has several words with one blank between each two',
    )
    .prefault("public")
    .describe('"public", "testnet", or the passphrase of another network'),
  aliases: aliasesField
    .prefault({})
    .describe('a table of at most 1000 assets, each with a list of its other names, such as native = ["crypto:XLM"]'),
  pegs: pegsField
    .prefault({})
    .describe('a table of at most 1000 assets, each with the currency it is pegged to, such as "crypto:GUSD" = "USD"'),
  triangulations: triangulationsField
    .prefault([])
    .describe("a list of at most 1000 tables, each [[aggregate.triangulations]] with target and legs"),
});

type Keys = z.output<typeof keys>;

const SECONDS_KEYS = ["interval_seconds", "vwap_window_seconds", "twap_window_seconds"] as const;
const WINDOW_KEYS = ["windows", "vwap_window_seconds", "twap_window_seconds"] as const;

/** `[aggregate]`: which values are computed, when, and under which policy. */
export const aggregateSection = withChecks();

function withChecks() {
  let section = keys;
  for (const key of [...SECONDS_KEYS, "windows"] as const) {
    section = section.superRefine(
      (all, context) => {
        const step = all.bucket_seconds;
        for (const length of [all[key]].flat()) {
          if (length % step === 0) continue;
          const wrong = `${written(key, length)} is not a multiple of bucket_seconds (${step})`;
          reportAt(context, [key], wrong, `a multiple, such as ${written(key, Math.ceil(length / step) * step)}`);
        }
      },
      needs(key, "bucket_seconds"),
    );
  }
  for (const key of WINDOW_KEYS) {
    section = section.superRefine(
      (all, context) => {
        for (const length of [all[key]].flat()) {
          if (length >= all.interval_seconds) continue;
          const wrong = `${written(key, length)} is shorter than interval_seconds (${all.interval_seconds})`;
          reportAt(context, [key], wrong, `at least ${written(key, all.interval_seconds)}`);
        }
      },
      needs(key, "interval_seconds"),
    );
  }
  return section
    .superRefine(checkCurrencies, needs("aliases", "pegs", "stellar_network"))
    .superRefine(checkPairs, needs("pairs", "aliases", "stellar_network"))
    .superRefine(checkTriangulations, needs("triangulations", "aliases", "stellar_network"))
    .prefault({})
    .describe("a table, [aggregate]");
}

function written(key: string, length: number): string {
  return key === "windows" ? JSON.stringify(formatDuration(length)) : String(length);
}

function checkCurrencies({ aliases, pegs, stellar_network }: Keys, context: z.core.$RefinementCtx): void {
  for (const contradiction of contradictions(aliases, pegs, stellar_network)) {
    reportAt(
      context,
      ["aliases"],
      contradiction,
      "aliases and pegs under which each asset stands for at most one currency",
    );
  }
}

function checkPairs({ pairs, aliases, stellar_network }: Keys, context: z.core.$RefinementCtx): void {
  const markets = pairs.map((pair, index) => ({ pair, path: ["pairs", index] }));
  checkMarkets(
    markets,
    closeAliases(aliases, stellar_network),
    "each market only once, under one of its names",
    context,
  );
}
