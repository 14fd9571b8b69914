import { isAbsolute } from "node:path";
import { z } from "zod";
import { formatPair } from "../../canonical/pair.ts";
import { formatTime, type Micros, parseTime } from "../../canonical/time.ts";
import { SOURCE_NAME } from "../../canonical/trade-rules.ts";
import { needs, reportAt } from "../../lib/cross-checks.ts";
import { secret } from "../secrets.ts";
import { isHttpUrl, pairField, readOr } from "./fields.ts";
import { refuseRepeated } from "./listener.ts";

/** The protocols of venues that the program speaks; internal/collect has a folder for each, and one for all of Stellar RPC. */
export const CONNECTOR_NAMES = [
  "aquarius",
  "binance",
  "bitstamp",
  "coinbase",
  "coingecko",
  "ecb",
  "horizon",
  "kraken",
  "phoenix",
  "soroswap",
] as const;
export type ConnectorName = (typeof CONNECTOR_NAMES)[number];

/** Connectors whose source has another name. */
const CONNECTOR_OF: ReadonlyMap<string, ConnectorName> = new Map([["sdex", "horizon"]]);
const ONE_CONNECTOR = `one of ${CONNECTOR_NAMES.join(", ")}`;

const sourceField = z.string().regex(SOURCE_NAME).describe("the name of a source, such as kraken");

const startField = z.codec(z.string(), z.custom<Micros>(), {
  decode: (text, context) => readOr(() => parseTime(text), text, context) ?? z.NEVER,
  encode: formatTime,
});

/** Returns the connector that collects a source; null where its name is none's. */
export function connectorOf({
  source,
  connector,
}: {
  readonly source: string;
  readonly connector?: ConnectorName | undefined;
}): ConnectorName | null {
  return connector ?? CONNECTOR_OF.get(source) ?? CONNECTOR_NAMES.find((name) => name === source) ?? null;
}

const feed = z
  .strictObject({
    source: sourceField,
    pair: pairField.describe('a pair in the venue\'s orientation, such as "XLM/USD"'),
    connector: z.enum(CONNECTOR_NAMES).optional().describe(ONE_CONNECTOR),
    market: z.string().min(1).max(300).optional().describe('what the venue calls the market, such as "XXLMZUSD"'),
    start: startField.optional().describe('a time with a zone, such as "2026-11-01T00:00:00Z"'),
  })
  .superRefine((given, context) => {
    if (connectorOf(given) !== null) return;
    reportAt(
      context,
      ["connector"],
      `is missing, and ${JSON.stringify(given.source)} has none of its name`,
      ONE_CONNECTOR,
    );
  }, needs("source"));

/** `[[feeds]]`: markets of venues that are collected. */
export const feedsSection = z
  .array(feed)
  .max(1000)
  .superRefine(
    (feeds, context) => {
      const seen = new Set<string>();
      for (const [index, { source, pair }] of feeds.entries()) {
        const [own, inverse] = [pair, { base: pair.quote, quote: pair.base }].map(
          (each) => `${source} ${formatPair(each)}`,
        );
        if (seen.has(own ?? ""))
          reportAt(context, [index, "pair"], `occurs twice for ${source}`, "each market only once");
        if (seen.has(inverse ?? "")) {
          reportAt(
            context,
            [index, "pair"],
            `is there in the other orientation for ${source}`,
            "one orientation for a market",
          );
        }
        seen.add(own ?? "");
      }
    },
    { when: ({ value }) => Array.isArray(value) && value.every((entry) => entry?.pair?.base !== undefined) },
  )
  .prefault([])
  .describe("at most 1000 tables, [[feeds]]");

const isLiveUrl = (url: string): boolean => isHttpUrl(url.replace(/^ws/i, "http"));

const endpoint = z
  .strictObject({
    source: sourceField,
    live: z
      .string()
      .refine(isLiveUrl, "is not the address of a stream")
      .optional()
      .describe("a ws, wss, http or https URL without user and password"),
    rest: z
      .string()
      .refine(isHttpUrl, "is not an address for requests")
      .optional()
      .describe("an http or https URL without user and password"),
    files: z
      .string()
      .refine((text) => isAbsolute(text) || isHttpUrl(text), "is no place of files")
      .optional()
      .describe("an http or https URL without user and password, or an absolute path"),
  })
  .superRefine(({ live, rest, files }, context) => {
    if ([live, rest, files].some((each) => each !== undefined)) return;
    reportAt(context, ["live"], "is missing, and so are rest and files", "one of them at least");
  });

/** `[collect]`: where venues are reached. */
export const collectSection = z
  .strictObject({
    endpoints: z
      .array(endpoint)
      .max(1000)
      .prefault([])
      // Providers of nodes have keys in the paths of their addresses.
      .meta(secret("after-host"))
      .describe("a list of at most 1000 tables, each [[collect.endpoints]]"),
    coingecko_key: z
      .string()
      .regex(/^[\x21-\x7e]{0,256}$/)
      .prefault("")
      .meta(secret("whole"))
      .describe("at most 256 ASCII characters without blanks"),
  })
  .superRefine(refuseRepeated("endpoints", ["source"], "each source only once"), needs("endpoints"))
  .prefault({})
  .describe("a table, [collect]");
