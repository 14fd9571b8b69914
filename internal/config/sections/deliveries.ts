import { z } from "zod";
import { needs, reportAt } from "../../lib/cross-checks.ts";
import { parsePointer } from "../../lib/json-pointer.ts";
import { parseSigningSecret } from "../../lib/signing-secret.ts";
import { secret } from "../secrets.ts";
import { durationField, integerField, isAddressRange, isHttpUrl, pairField, unlessRefused } from "./fields.ts";
import { isScalar, mappingField, type Scalar } from "./mapping.ts";
import { secretValueField } from "./secret-value.ts";
import { readTable, report, tableField } from "./tables.ts";

const TYPES = ["webhook", "graphql"] as const;
const ORDERINGS = ["none", "per_key"] as const;
const SCHEDULE = ["5s", "30s", "2m", "10m", "30m", "1h", "3h", "6h", "12h", "24h"];

/** Headers that the senders set, or that would change how a request is read. */
const OWN_HEADER =
  /^(?:webhook-.*|host|connection|content-.*|transfer-encoding|te|trailer|upgrade|expect|accept|accept-encoding|traceparent|idempotency-key)$/i;

/** A text that `read` takes without an InputError. */
function textFor(read: (text: string) => unknown) {
  return z.string().superRefine((text, context) => {
    unlessRefused(
      () => read(text),
      (message) => context.addIssue({ code: "custom", message }),
    );
  });
}

function requirePointer(text: string): string {
  parsePointer(text);
  return text;
}

/** A condition on an event's data: the value that the pointer refers to is one of those listed. */
export interface Condition {
  readonly pointer: string;
  readonly values: readonly Scalar[];
}

const whereField = z.codec(tableField, z.custom<readonly Condition[]>(), {
  decode: (table, context) => {
    const conditions = readTable(table, context, requirePointer, (value, path) => {
      const values = Array.isArray(value) ? value : [value];
      if (values.every(isScalar) && values.length > 0) return values;
      report(context, path, value, "is neither a value nor a list of values");
      return [];
    });
    return context.issues.length > 0 ? z.NEVER : [...conditions].map(([pointer, values]) => ({ pointer, values }));
  },
  encode: (conditions) =>
    Object.fromEntries(
      conditions.map(({ pointer, values }) => [pointer, values.length === 1 ? values[0] : [...values]]),
    ),
});

const headersField = z
  .record(z.string(), secretValueField(z.string().regex(/^[\x20-\x7e]{0,8192}$/), "a text of ASCII characters"))
  .superRefine((headers, context) => {
    const seen = new Set<string>();
    for (const name of Object.keys(headers)) {
      const wrong = wrongHeader(name, seen);
      if (wrong !== null) reportAt(context, [name], wrong, "the name of another header, once");
      seen.add(name.toLowerCase());
    }
  });

function wrongHeader(name: string, seen: ReadonlySet<string>): string | null {
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}$/.test(name)) return "is not the name of a header";
  if (OWN_HEADER.test(name)) return "is a header that is set for each request";
  return seen.has(name.toLowerCase()) ? "occurs twice" : null;
}

const delivery = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/)
    .describe("1 to 63 lower-case letters, digits, dots, underscores or hyphens, such as orders-hook"),
  type: z.enum(TYPES).describe('"webhook" or "graphql"'),
  url: z
    .string()
    .max(4096)
    .refine(isHttpUrl, "is not an address for requests")
    .meta(secret("after-host"))
    .describe("an https URL without user and password; http only where allow has its address"),
  events: z
    .array(z.string().regex(/^(?:[A-Za-z0-9_.:/-]{1,200}\*?|\*)$/))
    .max(1000)
    .prefault([])
    .describe('a list of at most 1000 types, such as ["price.published", "incident.*"]; empty for all'),
  pairs: z
    .array(pairField)
    .max(1000)
    .prefault([])
    .describe('a list of at most 1000 pairs, such as ["XLM/USD"]; empty for all events, also those without a pair'),
  where: whereField
    .prefault({})
    .describe('a table of JSON Pointers into the data, each with a value or a list of values, such as "/kind" = "new"'),
  rate: z
    .number()
    .min(0)
    .max(100_000)
    .prefault(0)
    .describe("a number of requests per second up to 100000; 0 (no limit)"),
  burst: integerField(1, 100_000).prefault(1).describe("a whole number from 1 to 100000"),
  concurrency: integerField(1, 1000).prefault(8).describe("a whole number from 1 to 1000"),
  ordering: z.enum(ORDERINGS).prefault("none").describe('"none" or "per_key"'),
  order_key: textFor(requirePointer)
    .prefault("")
    .describe(
      'a JSON Pointer into the data, such as "/account"; "" for the event\'s pair, or its id where it has none',
    ),
  timeout: durationField
    .refine((seconds) => seconds >= 1 && seconds <= 300, "is not from 1s to 5m")
    .prefault("10s")
    .describe('a duration from "1s" to "5m", such as "10s"'),
  retry: z
    .array(durationField.refine((seconds) => seconds >= 1 && seconds <= 30 * 86_400, "is not from 1s to 30d"))
    .max(100)
    .prefault(SCHEDULE)
    .describe(`a list of at most 100 durations from "1s" to "30d", such as ["5s", "1m", "1h"]`),
  allow: z
    .array(z.string().refine(isAddressRange, "is not a range of IP addresses"))
    .max(100)
    .prefault([])
    .describe('a list of at most 100 ranges of IP addresses, such as ["10.1.0.0/16", "::1/128"]'),
  headers: headersField.prefault({}).describe("a table of headers, each with a text, { env = … } or { file = … }"),
  secrets: z
    .array(secretValueField(textFor(parseSigningSecret), '"whsec_…", "whsk_…"'))
    .max(2)
    .prefault([])
    .describe('for a webhook: one or two of "whsec_…", "whsk_…", { env = "NAME" }, { file = "PATH" }'),
  body: mappingField.optional().describe("for a webhook: a table, [deliveries.body]"),
  query: z
    .string()
    .max(100_000)
    .regex(/\bmutation\b/)
    .optional()
    .describe("for graphql, and required there: the text of a mutation"),
  variables: mappingField.optional().describe("for graphql: a table, [deliveries.variables]"),
});

const checkedDelivery = delivery
  .superRefine(
    ({ type, secrets, body, query, variables }, context) => {
      const foreign =
        type === "webhook" ? { query, variables } : { body, secrets: secrets.length > 0 ? secrets : undefined };
      for (const [key, value] of Object.entries(foreign)) {
        if (value !== undefined) reportAt(context, [key], `is there for type ${JSON.stringify(type)}`, "no such key");
      }
      if (type === "webhook" && secrets.length === 0) {
        reportAt(context, ["secrets"], "has no entry, and a webhook is signed", 'one or two, such as { env = "NAME" }');
      }
      if (type === "graphql" && query === undefined)
        reportAt(context, ["query"], "is missing", "the text of a mutation");
    },
    needs("type", "secrets", "body", "query", "variables"),
  )
  .superRefine(
    ({ url, allow }, context) => {
      if (/^https:/i.test(url) || allow.length > 0) return;
      reportAt(context, ["url"], "is not encrypted, and allow has no address", "an https URL, or its address in allow");
    },
    needs("url", "allow"),
  )
  .superRefine(
    ({ ordering, order_key }, context) => {
      if (ordering === "per_key" || order_key === "") return;
      reportAt(context, ["order_key"], 'has no effect with ordering = "none"', 'ordering = "per_key", or no order_key');
    },
    needs("ordering", "order_key"),
  );

/** Where events go, `[[deliveries]]`. Durations are seconds; pairs are as `parsePair` gives them. */
export type DeliverySettings = z.output<typeof delivery>;

/** `[[deliveries]]`: where events go. */
export const deliveriesSection = z
  .array(checkedDelivery)
  .max(1000)
  .superRefine(
    (deliveries, context) => {
      const seen = new Set<string>();
      for (const [index, { name }] of deliveries.entries()) {
        if (seen.has(name))
          reportAt(context, [index, "name"], `${JSON.stringify(name)} occurs twice`, "each name only once");
        seen.add(name);
      }
    },
    { when: ({ value }) => Array.isArray(value) && value.every((entry) => typeof entry?.name === "string") },
  )
  .prefault([])
  .describe("at most 1000 tables, [[deliveries]]");
