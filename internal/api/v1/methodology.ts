import { z } from "@hono/zod-openapi";
import { plainSettings, policyDocument } from "../../policy/policy.ts";
import { REGISTRY_VERSION } from "../../policy/registry.ts";
import { NO_FLAGS, PAST_MAX_AGE_SECONDS } from "../answer.ts";
import type { Endpoint } from "../endpoint.ts";
import { policyText } from "./answer-fields.ts";
import type { Service } from "./service.ts";

const querySchema = z.strictObject({});

const methodologySchema = z
  .object({
    policy: policyText,
    registry_version: z.int().openapi({ description: "version of the built-in sources, pegs and contracts" }),
    document: z.record(z.string(), z.unknown()).openapi({
      description:
        "the settings that differ from their defaults. `policy` is the first 12 hex digits of SHA-256 over its canonical JSON (RFC 8785)",
    }),
    settings: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .openapi({ description: "every setting in effect, by its name under [aggregate]; decimals are strings" }),
    aliases: z.array(z.array(z.string())).openapi({ description: "the names of each asset, contracts included" }),
    pegs: z.record(z.string(), z.string()).openapi({ description: "the currency that each asset is pegged to" }),
    triangulations: z.array(z.array(z.string())).openapi({ description: "configured chains, from base to quote" }),
  })
  .openapi("Methodology");

/** `GET /v1/methodology`: the policy in effect. */
export function methodologyEndpoint({ policy }: Service): Endpoint<typeof querySchema> {
  const methodology = {
    policy: policy.id,
    registry_version: REGISTRY_VERSION,
    document: policyDocument(policy),
    settings: plainSettings(policy),
    aliases: [...new Set(policy.aliases.groups.values())],
    pegs: Object.fromEntries(policy.pegs),
    triangulations: [...policy.chains.values()].map(({ path }) => path),
  };
  const data = JSON.stringify(methodology);
  return {
    path: "/v1/methodology",
    tag: "Methodology",
    operationId: "getMethodology",
    summary: "Policy in effect",
    description:
      "Returns every setting that can change a value, and the hash that values carry as `policy`. The sources are at /v1/sources; docs/methodology.md explains each setting.",
    example: { data: methodology, flags: NO_FLAGS },
    query: querySchema,
    data: methodologySchema,
    problems: [],
    answer: () => ({ data, flags: NO_FLAGS, maxAgeSeconds: PAST_MAX_AGE_SECONDS }),
  };
}
