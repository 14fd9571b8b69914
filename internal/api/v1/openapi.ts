import type { OpenApiDocument } from "../../http/openapi.ts";
import { TAGS, type Tag } from "../tags.ts";

/** The OpenAPI document of the read API, without its routes. */
export const OPENAPI: Omit<OpenApiDocument, "keys"> = {
  path: "/v1/openapi.json",
  tag: "Documentation" satisfies Tag,
  info: {
    title: "Stellar Index API",
    version: "1",
    description:
      "Prices of Stellar assets and the markets around them. Only closed buckets are shown, so each value is final. Decimals are strings in plain notation; times are RFC 3339 in UTC; durations are written `90s`, `5m`, `1h30m`. Errors are `application/problem+json` (RFC 9457) with a stable `type`.",
  },
  tags: TAGS.map(({ name, description }) => ({ name, description })),
};
