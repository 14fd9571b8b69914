import { expect, test } from "vitest";
import { openTestApi, unreachableDatabase } from "../api/v1/api.testing.ts";
import { SCOPES } from "../config/sections/api.ts";

interface OpenApi {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly security?: Record<string, string[]>[] }>>>
  >;
}

test("the scopes that a key can be given are those that routes need", async () => {
  const { body } = await openTestApi({ database: unreachableDatabase(), settings: { keys: "required" } }).get(
    "/v1/openapi.json",
  );
  const operations = Object.values((body as OpenApi).paths).flatMap((path) => Object.values(path));
  const needed = operations.flatMap(({ security = [] }) => security.flatMap((scheme) => scheme["key"] ?? []));
  expect([...new Set(needed)].sort()).toEqual([...SCOPES].sort());
});
