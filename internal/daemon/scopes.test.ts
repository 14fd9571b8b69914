import { expect, test } from "vitest";
import { gatewayDocument } from "../../docs/generate/gateway-document.ts";
import { openTestApi, unreachableDatabase } from "../api/v1/api.testing.ts";
import { SCOPES } from "../config/sections/api.ts";
import { GATEWAY_SCOPES } from "../config/sections/gateway.ts";

interface OpenApi {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly security?: Record<string, string[]>[] }>>>
  >;
}

const neededBy = (body: unknown): string[] => {
  const operations = Object.values((body as OpenApi).paths).flatMap((path) => Object.values(path));
  const needed = operations.flatMap(({ security = [] }) => security.flatMap((scheme) => scheme["key"] ?? []));
  return [...new Set(needed)].sort();
};

test("the scopes that a key can be given are those that routes need", async () => {
  const { body } = await openTestApi({ database: unreachableDatabase(), settings: { keys: "required" } }).get(
    "/v1/openapi.json",
  );
  expect(neededBy(body)).toEqual([...SCOPES].sort());
  expect(neededBy(JSON.parse(await gatewayDocument()))).toEqual([...GATEWAY_SCOPES].sort());
});
