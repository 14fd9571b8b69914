import { z } from "zod";
import { needs } from "../../lib/cross-checks.ts";
import { keyHashField, keyNameField } from "./api.ts";
import { integerField, isHttpUrl, listenField } from "./fields.ts";
import { refuseSameAddress, refuseSameKeys } from "./listener.ts";
import { refuseSameSchedules, schedulesField } from "./schedules.ts";

/** What a key of the control API may be allowed. */
export const CONTROL_SCOPES = ["control:read", "control:operate", "control:admin", "jobs:work"] as const;
export type ControlScope = (typeof CONTROL_SCOPES)[number];

const key = z.strictObject({
  name: keyNameField,
  hash: keyHashField,
  tenant: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/)
    .prefault("default")
    .describe("1 to 63 lower-case letters, digits, underscores or hyphens, such as default"),
  scopes: z
    .array(z.enum(CONTROL_SCOPES))
    .min(1)
    .describe(`a list of at least one of ${CONTROL_SCOPES.map((scope) => JSON.stringify(scope)).join(", ")}`),
});

/** `[control]`: addresses, limits and keys of the control daemon. */
export const controlSection = z
  .strictObject({
    listen: listenField.prefault("127.0.0.1:8090").describe('host:port, such as "127.0.0.1:8090" or "[::1]:8090"'),
    ops_listen: listenField.prefault("127.0.0.1:9103").describe('host:port, such as "127.0.0.1:9103" or "[::1]:9103"'),
    request_timeout_seconds: integerField(1, 600).prefault(10).describe("a whole number of seconds from 1 to 600"),
    max_in_flight: integerField(1, 100_000).prefault(256).describe("a whole number from 1 to 100000"),
    keep_ended_days: integerField(0, 36_500).prefault(30).describe("a whole number of days from 0 to 36500"),
    artifacts: z
      .string()
      .min(1)
      .max(4096)
      .prefault("stellarindex-artifacts")
      .describe("a directory, which is created where it does not exist"),
    fx_url: z
      .string()
      .refine((url) => isHttpUrl(url) && url.endsWith("/"), "is not the URL of a directory")
      .prefault("https://www.ecb.europa.eu/stats/eurofxref/")
      .describe("an http or https URL without user and password that ends with a slash"),
    schedules: schedulesField.prefault([]).describe("a list of at most 1000 tables, each [[control.schedules]]"),
    keys: z.array(key).max(10_000).prefault([]).describe("a list of at most 10000 tables, each [[control.keys]]"),
  })
  .superRefine(refuseSameAddress("control"), needs("listen", "ops_listen"))
  .superRefine(refuseSameKeys, needs("keys"))
  .superRefine(refuseSameSchedules, needs("schedules"))
  .prefault({})
  .describe("a table, [control]");
