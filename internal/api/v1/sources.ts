import { z } from "@hono/zod-openapi";
import { SOURCE_CLASSES, SOURCE_SUBCLASSES } from "../../sources/registry.ts";
import { NO_FLAGS, PAST_MAX_AGE_SECONDS } from "../answer.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Service } from "./service.ts";

const querySchema = z.strictObject({});

const sourcesSchema = z.array(
  z
    .object({
      name: z.string().openapi({ example: "sdex" }),
      class: z.enum(SOURCE_CLASSES),
      subclass: z.enum(SOURCE_SUBCLASSES).nullable(),
      include_in_vwap: z.boolean(),
      weight: z.number().openapi({ description: "factor of its volume in a VWAP, beside those of the other sources" }),
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
    operationId: "getSources",
    summary: "Known sources of trades",
    description: "By name. Only the trades of sources with `include_in_vwap` make prices.",
    query: querySchema,
    data: sourcesSchema,
    problems: [],
    answer: () => ({ data, flags: NO_FLAGS, maxAgeSeconds: PAST_MAX_AGE_SECONDS }),
  };
}
