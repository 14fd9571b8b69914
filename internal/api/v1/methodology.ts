import { z } from "@hono/zod-openapi";
import { plainSettings, policyDocument } from "../../aggregate/policy.ts";
import { REGISTRY_VERSION } from "../../sources/registry.ts";
import { NO_FLAGS, PAST_MAX_AGE_SECONDS } from "../answer.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Service } from "./service.ts";
import { policyText } from "./values.ts";

const querySchema = z.strictObject({});

const methodologySchema = z
  .object({
    policy: policyText,
    registry_version: z.int().openapi({ description: "of the built-in sources, pegs and contracts" }),
    document: z.record(z.string(), z.unknown()).openapi({
      description:
        "what the hash is made of: the settings that differ from their defaults. `policy` is the first 12 hex digits of SHA-256 over its canonical JSON (RFC 8785)",
    }),
    settings: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .openapi({ description: "every setting in force, by its name under [aggregate]; decimals are texts" }),
    aliases: z.array(z.array(z.string())).openapi({ description: "names of one asset each, contracts included" }),
    pegs: z.record(z.string(), z.string()).openapi({ description: "the currency that each asset is pegged to" }),
    triangulations: z.array(z.array(z.string())).openapi({ description: "configured chains, from base to quote" }),
  })
  .openapi("Methodology");

/** `GET /v1/methodology`: the policy in force, as data. */
export function methodologyEndpoint({ policy }: Service): Endpoint<typeof querySchema> {
  const data = JSON.stringify({
    policy: policy.id,
    registry_version: REGISTRY_VERSION,
    document: policyDocument(policy),
    settings: plainSettings(policy),
    aliases: [...new Set(policy.aliases.groups.values())],
    pegs: Object.fromEntries(policy.pegs),
    triangulations: [...policy.chains.values()].map(({ path }) => path),
  });
  return {
    path: "/v1/methodology",
    operationId: "getMethodology",
    summary: "Policy in force",
    description:
      "Every setting that decides a figure, and the hash that values carry as `policy`. /v1/sources has the sources. docs/methodology.md says what each setting does.",
    query: querySchema,
    data: methodologySchema,
    problems: [],
    answer: () => ({ data, flags: NO_FLAGS, maxAgeSeconds: PAST_MAX_AGE_SECONDS }),
  };
}
