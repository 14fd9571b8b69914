import { z } from "@hono/zod-openapi";
import { SOURCE_CLASSES, SOURCE_SUBCLASSES } from "../../policy/registry.ts";
import { NO_FLAGS, PAST_MAX_AGE_SECONDS } from "../answer.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Service } from "./service.ts";

/** How many sources the example in the OpenAPI document shows. */
const EXAMPLE_SOURCES = 3;

const querySchema = z.strictObject({});

const sourcesSchema = z.array(
  z
    .object({
      name: z.string().openapi({ example: "sdex" }),
      class: z.enum(SOURCE_CLASSES),
      subclass: z.enum(SOURCE_SUBCLASSES).nullable(),
      include_in_vwap: z.boolean().openapi({ description: "whether its trades count in prices" }),
      weight: z.number().openapi({ description: "factor of its volume in a VWAP, relative to other sources" }),
    })
    .openapi("Source"),
);

/** `GET /v1/sources`: the registry that the class filter uses. */
export function sourcesEndpoint({ policy }: Service): Endpoint<typeof querySchema> {
  const sources = [...policy.registry.values()].map((source) => ({
    name: source.name,
    class: source.class,
    subclass: source.subclass,
    include_in_vwap: source.includeInVwap,
    weight: source.weight,
  }));
  const data = JSON.stringify(sources);
  return {
    path: "/v1/sources",
    tag: "Markets",
    operationId: "getSources",
    summary: "Registry of sources",
    description: "Returns the sources that the policy knows, sorted by name.",
    example: { data: sources.slice(0, EXAMPLE_SOURCES), flags: NO_FLAGS },
    query: querySchema,
    data: sourcesSchema,
    problems: [],
    answer: () => ({ data, flags: NO_FLAGS, maxAgeSeconds: PAST_MAX_AGE_SECONDS }),
  };
}
