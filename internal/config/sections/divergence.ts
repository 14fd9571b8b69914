import { z } from "zod";
import { secret } from "../secrets.ts";
import { feedsField, idsField } from "./divergence-tables.ts";
import { integerField, isHttpUrl } from "./fields.ts";

const NOT_HTTP = "is not an HTTP URL for requests";

function requestsPerMinute(usual: number) {
  return integerField(1, 1000).prefault(usual).describe("a whole number from 1 to 1000");
}

const coingecko = z
  .strictObject({
    enabled: z.boolean().prefault(false).describe("true or false"),
    url: z
      .string()
      // Requests append to the path, and logs would show a key in the query.
      .refine((url) => isHttpUrl(url) && !/[?#]/.test(url), NOT_HTTP)
      .prefault("https://api.coingecko.com/api/v3")
      .describe("an http:// or https:// URL without user, password and query"),
    api_key: z
      .string()
      .regex(/^[\x21-\x7e]{0,256}$/)
      .prefault("")
      .meta(secret("whole"))
      .describe("at most 256 ASCII characters without blanks"),
    requests_per_minute: requestsPerMinute(10),
    ids: idsField
      .prefault({})
      .describe(
        'a table of at most 1000 assets, each with its id at CoinGecko (1 to 128 of a-z, 0-9, ".", "_" and "-"), such as XLM = "stellar", or with "" for none',
      ),
  })
  .prefault({})
  .describe("a table, [divergence.coingecko]");

const chainlink = z
  .strictObject({
    rpc_url: z
      .string()
      .refine((url) => url === "" || isHttpUrl(url), NOT_HTTP)
      .prefault("")
      .meta(secret("after-host"))
      .describe('an http:// or https:// URL without user and password, or "" to read no feeds'),
    requests_per_minute: requestsPerMinute(60),
    feeds: feedsField
      .prefault({})
      .describe(
        'a table of at most 1000 pairs, each with the address of its feed (0x and 40 hex digits), such as "BTC/USD" = "0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c"',
      ),
  })
  .prefault({})
  .describe("a table, [divergence.chainlink]");

/** `[divergence]`: the references that published prices are compared with, and how. */
export const divergenceSection = z
  .strictObject({
    min_interval_seconds: integerField(1, 86_400).prefault(300).describe("a whole number of seconds from 1 to 86400"),
    threshold_pct: z.number().gt(0).max(1000).prefault(5).describe("a percentage above 0, at most 1000"),
    min_references: integerField(1, 100).prefault(2).describe("a whole number from 1 to 100"),
    max_age_seconds: integerField(1, 604_800).prefault(5400).describe("a whole number of seconds from 1 to 604800"),
    timeout_ms: integerField(100, 60_000).prefault(5000).describe("a whole number of milliseconds from 100 to 60000"),
    stored_sources: z.boolean().prefault(true).describe("true or false"),
    coingecko,
    chainlink,
  })
  .prefault({})
  .describe("a table, [divergence]");
