import { z } from "zod";
import { ANY_SOURCE, SOURCE_NAME } from "../../canonical/trade-rules.ts";
import { needs, reportAt } from "../../lib/cross-checks.ts";
import { keyHashField, keyNameField } from "./api.ts";
import { durationField, integerField, listenField } from "./fields.ts";
import { refuseRepeated, refuseSameAddress } from "./listener.ts";

/** What a key of the gateway may be allowed. */
export const GATEWAY_SCOPES = ["trades:write", "events:write", "events:read"] as const;

const key = z
  .strictObject({
    name: keyNameField,
    hash: keyHashField,
    scopes: z
      .array(z.enum(GATEWAY_SCOPES))
      .min(1)
      .prefault(["trades:write"])
      .describe(`a list of at least one of ${GATEWAY_SCOPES.map((scope) => JSON.stringify(scope)).join(", ")}`),
    sources: z
      .array(z.string().refine((text) => text === ANY_SOURCE || SOURCE_NAME.test(text), "is not the name of a source"))
      .max(1000)
      .prefault([])
      .describe(
        'a list of at most 1000 names of sources, such as ["kraken"], or ["*"] for any; with trades:write at least one',
      ),
  })
  .superRefine(
    ({ scopes, sources }, context) => {
      if (!scopes.includes("trades:write") || sources.length > 0) return;
      reportAt(
        context,
        ["sources"],
        "is empty",
        'the sources whose trades the key may write, such as ["kraken"]; or leave trades:write out of scopes',
      );
    },
    needs("scopes", "sources"),
  );

/** `[gateway]`: addresses, journal, quarantine and keys of the gateway. */
export const gatewaySection = z
  .strictObject({
    listen: listenField.prefault("127.0.0.1:8070").describe('host:port, such as "0.0.0.0:8070" or "[::1]:8070"'),
    ops_listen: listenField.prefault("127.0.0.1:9104").describe('host:port, such as "127.0.0.1:9104" or "[::1]:9104"'),
    request_timeout_seconds: integerField(1, 86_400)
      .prefault(300)
      .describe("a whole number of seconds from 1 to 86400"),
    max_in_flight: integerField(1, 100_000).prefault(1024).describe("a whole number from 1 to 100000"),
    journal: z
      .string()
      .min(1)
      .max(4096)
      .prefault("stellarindex-journal")
      .describe("a directory on a local disk, which is created where it does not exist"),
    journal_max_mb: integerField(64, 1_000_000).prefault(1024).describe("a whole number from 64 to 1000000"),
    quarantine_max_mb: integerField(1, 100_000).prefault(64).describe("a whole number from 1 to 100000"),
    quarantine_max_age: durationField
      .refine((seconds) => seconds >= 60 && seconds <= 3660 * 86_400, "is not between a minute and ten years")
      .prefault("30d")
      .describe('a duration from a minute to ten years, such as "30d"'),
    keys: z.array(key).max(10_000).prefault([]).describe("a list of at most 10000 tables, each [[gateway.keys]]"),
  })
  .superRefine(refuseSameAddress("gateway"), needs("listen", "ops_listen"))
  .superRefine(refuseRepeated("keys", ["hash"], "each hash only once"), needs("keys"))
  .prefault({})
  .describe("a table, [gateway]");
