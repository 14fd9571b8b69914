import { z } from "zod";
import { needs, reportAt } from "../../lib/cross-checks.ts";
import { integerField, isAddressOrRange, isOrigin, listenField } from "./fields.ts";
import { refuseSameAddress, refuseSameKeys } from "./listener.ts";

const rateLimit = integerField(0, 10_000_000);

/** The name of an API key. */
export const keyNameField = z
  .string()
  .regex(/^[a-z0-9._-]{1,64}$/)
  .describe("1 to 64 lower-case letters, digits, dots, underscores or hyphens, such as wallet-app");

/** The hash of an API key. */
export const keyHashField = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .describe('"sha256:" and 64 hex digits, as `stellarindex key NAME` prints');

/** What an API key may be allowed. Each capability has its own; its routes name the one that they need. */
export const SCOPES = ["prices:read"] as const;

const key = z.strictObject({
  name: keyNameField,
  hash: keyHashField,
  scopes: z
    .array(z.enum(SCOPES))
    .min(1)
    .prefault(["prices:read"])
    .describe(`a list of at least one of ${SCOPES.map((scope) => JSON.stringify(scope)).join(", ")}`),
  rate_limit_per_minute: rateLimit.optional().describe("a whole number from 0 (no limit) to 10000000"),
});

/** `[api]`: addresses, limits, CORS and keys of the read API. */
export const apiSection = z
  .strictObject({
    listen: listenField.prefault("127.0.0.1:8080").describe('host:port, such as "0.0.0.0:8080" or "[::1]:8080"'),
    ops_listen: listenField.prefault("127.0.0.1:9102").describe('host:port, such as "127.0.0.1:9102" or "[::1]:9102"'),
    price_freshness_seconds: integerField(1, 86_400).prefault(30).describe("a whole number of seconds from 1 to 86400"),
    request_timeout_seconds: integerField(1, 600).prefault(10).describe("a whole number of seconds from 1 to 600"),
    query_timeout_seconds: integerField(1, 600).prefault(8).describe("a whole number of seconds from 1 to 600"),
    max_in_flight: integerField(1, 100_000).prefault(256).describe("a whole number from 1 to 100000"),
    rate_limit_per_minute: rateLimit.prefault(0).describe("a whole number from 0 (no limit) to 10000000"),
    trusted_proxies: z
      .array(z.string().refine(isAddressOrRange, "is not an IP address or range"))
      .max(100)
      .prefault([])
      .describe('a list of at most 100 IP addresses and ranges, such as ["127.0.0.1", "10.0.0.0/8"]'),
    cors_origins: z
      .array(z.string().refine((text) => text === "*" || isOrigin(text), "is not an origin"))
      .max(100)
      .prefault([])
      .describe('a list of at most 100 origins, such as ["https://example.org"], or ["*"] for any'),
    require_key: z.boolean().prefault(false).describe("true or false"),
    keys: z.array(key).max(10_000).prefault([]).describe("a list of at most 10000 tables, each [[api.keys]]"),
  })
  .superRefine(refuseSameAddress("api"), needs("listen", "ops_listen"))
  .superRefine(
    ({ query_timeout_seconds, request_timeout_seconds }, context) => {
      if (query_timeout_seconds < request_timeout_seconds) return;
      const wrong = `${query_timeout_seconds} is not less than request_timeout_seconds (${request_timeout_seconds})`;
      reportAt(
        context,
        ["query_timeout_seconds"],
        wrong,
        "fewer seconds, so that the answer can still name the reason",
      );
    },
    needs("query_timeout_seconds", "request_timeout_seconds"),
  )
  .superRefine(
    ({ require_key, keys }, context) => {
      if (require_key && keys.length === 0) {
        reportAt(
          context,
          ["require_key"],
          "is true while no [[api.keys]] are configured",
          "at least one [[api.keys]] table, or false",
        );
      }
    },
    needs("require_key", "keys"),
  )
  .superRefine(refuseSameKeys, needs("keys"))
  .prefault({})
  .describe("a table, [api]");
