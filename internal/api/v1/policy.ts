import { z } from "@hono/zod-openapi";
import { policyText } from "../../policy/policy.ts";
import { NO_FLAGS, PAST_MAX_AGE_SECONDS } from "../answer.ts";
import type { Endpoint } from "../endpoint.ts";
import { policyText as policySchema } from "./answer-fields.ts";
import type { Service } from "./service.ts";

const querySchema = z.strictObject({});

const policyDocumentSchema = z
  .object({
    policy: policySchema,
    text: z.string().openapi({
      description:
        "The settings that differ from their defaults, as canonical JSON (RFC 8785). `policy` is the first 12 hex digits of its SHA-256.",
    }),
  })
  .openapi("PolicyDocument");

/** `GET /v1/methodology/policy`: the text whose hash every value carries. */
export function policyEndpoint({ policy }: Service): Endpoint<typeof querySchema> {
  const document = { policy: policy.id, text: policyText(policy) };
  const data = JSON.stringify(document);
  return {
    path: "/v1/methodology/policy",
    tag: "Methodology",
    operationId: "getPolicy",
    summary: "Policy document",
    description:
      "The exact text that the hash `policy` of published values is made of, so that anyone can compute it again.",
    example: { data: document, flags: NO_FLAGS },
    query: querySchema,
    data: policyDocumentSchema,
    problems: [],
    answer: () => ({ data, flags: NO_FLAGS, maxAgeSeconds: PAST_MAX_AGE_SECONDS }),
  };
}
