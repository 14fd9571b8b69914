import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { z } from "zod";
import { parsePublished, serializePublished } from "../../canonical/published.ts";
import { PROBLEMS } from "../../http/problem.ts";
import { PRICE_PROBLEMS } from "../problems.ts";
import { openTestApi, unreachableDatabase } from "./api.testing.ts";

const api = openTestApi({ database: unreachableDatabase() });

test("is a valid OpenAPI 3.1 document", async () => {
  const { status, body } = await api.get("/v1/openapi.json");
  expect(status).toBe(200);
  const validator = new Validator();
  expect(await validator.validate(body)).toMatchObject({ valid: true });
  expect(validator.version).toBe("3.1");
});

test("describes exactly the existing paths", async () => {
  const { body } = await api.get("/v1/openapi.json");
  const served = api.app.routes.filter(({ path }) => path.startsWith("/v1/")).map(({ path }) => path);
  expect(Object.keys(body.paths).sort()).toEqual([...new Set(served)].sort());
});

test("describes parameters as they are validated, and every kind of answer", async () => {
  const { body } = await api.get("/v1/openapi.json");
  const { parameters, responses } = body.paths["/v1/vwap"].get;
  expect(parameters.map(({ name, in: where, required }: Record<string, unknown>) => [name, where, required])).toEqual(
    ["pair", "base", "quote", "window", "at", "from", "to"].map((name) => [name, "query", false]),
  );
  expect(parameters[3].schema).toMatchObject({ type: "string" });
  expect(parameters[4].schema).toMatchObject({ type: "string", format: "date-time" });
  expect(Object.keys(responses).sort()).toEqual([
    "200",
    "304",
    "400",
    "401",
    "403",
    "404",
    "410",
    "414",
    "429",
    "500",
    "503",
  ]);
  expect(responses["200"].content["application/json"].schema.properties.data).toEqual({
    $ref: "#/components/schemas/PublishedValue",
  });
  const interval = body.paths["/v1/ohlc"].get.parameters.find(({ name }: { name: string }) => name === "interval");
  expect(interval).toMatchObject({ required: true, description: expect.stringContaining("divide a day") });
  const limit = body.paths["/v1/ohlc"].get.parameters.find(({ name }: { name: string }) => name === "limit");
  expect(limit).toMatchObject({ required: false, schema: { type: "integer", default: 500, maximum: 1000 } });
  expect(body.components.schemas.Problem.required).toEqual(["type", "title", "status", "detail"]);
});

test("describes the optional fields that the policy adds to answers", async () => {
  const { body } = await api.get("/v1/openapi.json");
  const { schemas } = body.components;
  const parametersOf = (path: string): { name: string }[] => body.paths[path].get.parameters ?? [];
  const filterOf = (path: string) => parametersOf(path).find(({ name }) => name === "filter");
  for (const path of ["/v1/twap", "/v1/ohlc"]) {
    expect(filterOf(path)).toMatchObject({ in: "query", required: false, schema: { enum: ["none"] } });
  }
  for (const path of ["/v1/vwap", "/v1/price"]) expect(filterOf(path)).toBeUndefined();
  expect(parametersOf("/v1/methodology")).toEqual([]);
  expect(schemas.Methodology.required).toEqual([
    "policy",
    "registry_version",
    "document",
    "settings",
    "aliases",
    "pegs",
    "triangulations",
  ]);
  expect(schemas.CurrentPrice.properties.price_type.enum).toEqual(["vwap", "held", "last_trade"]);
  expect(schemas.CurrentPrice.properties.reason).toMatchObject({ enum: ["guarded"] });
  expect(schemas.CurrentPrice.required).not.toContain("reason");
  expect(Object.keys(schemas.Flags.properties)).toEqual([
    "stale",
    "triangulated",
    "divergence_warning",
    "frozen",
    "incomplete",
  ]);
  expect(schemas.Flags.required).toEqual(["stale", "triangulated", "divergence_warning"]);
  expect(Object.keys(schemas.PublishedValue.properties.dropped.properties)).toEqual([
    "class",
    "outlier",
    "venue",
    "peg",
  ]);
  expect(schemas.Candle.properties.filtered).toMatchObject({ enum: [false] });
  expect(schemas.Candle.required).not.toContain("filtered");
  const answerOf = (path: string) => body.paths[path].get.responses["200"].content["application/json"].schema;
  const withConfidence = Object.keys(body.paths).filter((path) => answerOf(path)?.properties?.confidence !== undefined);
  expect(withConfidence).toEqual(["/v1/vwap"]);
});

test("groups the endpoints under tags that it describes", async () => {
  const { body } = await api.get("/v1/openapi.json");
  const described = body.tags.map(({ name }: { name: string }) => name);
  const used = Object.values<{ get: { tags: string[] } }>(body.paths).flatMap(({ get }) => get.tags);
  expect([...new Set(used)].sort()).toEqual([...described].sort());
  expect(used).toHaveLength(Object.keys(body.paths).length);
});

test("has an example of each answer that its schema accepts", async () => {
  const { body } = await api.get("/v1/openapi.json");
  const $defs = body.components.schemas;
  for (const [path, { get }] of Object.entries<{ get: Operation }>(body.paths)) {
    if (path === "/v1/openapi.json") continue;
    const { schema, example } = get.responses["200"]?.content?.["application/json"] ?? {};
    const text = JSON.stringify({ ...schema, $defs }).replaceAll("#/components/schemas/", "#/$defs/");
    expect(z.fromJSONSchema(JSON.parse(text)).safeParse(example), path).toMatchObject({ success: true });
  }
});

test("has a published value as the example of one", async () => {
  const { body } = await api.get("/v1/openapi.json");
  const { example } = body.paths["/v1/vwap"].get.responses["200"].content["application/json"];
  const text = JSON.stringify(example.data);
  expect(serializePublished(parsePublished(text))).toBe(text);
});

test("has an example of each error, with matching status and type", async () => {
  const { body } = await api.get("/v1/openapi.json");
  for (const { get } of Object.values<{ get: Operation }>(body.paths)) {
    for (const [status, { description, content }] of Object.entries(get.responses)) {
      if (Number(status) < 400) continue;
      const examples = Object.values(content?.["application/problem+json"]?.examples ?? {});
      const types = examples.map(({ value }) => value.type);
      expect(types).toEqual([...description.matchAll(/`(urn:[^`]+)`/g)].map(([, type]) => type));
      for (const { value } of examples) {
        expect(value).toMatchObject({ status: Number(status), title: TITLES[nameOf(value.type)] });
        expect(value.detail).not.toBe("");
      }
    }
  }
});

interface Operation {
  readonly responses: Record<
    string,
    {
      readonly description: string;
      readonly content?: Record<
        string,
        {
          readonly schema?: object;
          readonly example?: unknown;
          readonly examples?: Record<string, { readonly value: { type: string; status: number; detail: string } }>;
        }
      >;
    }
  >;
}

const TITLES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({ ...PROBLEMS, ...PRICE_PROBLEMS }).map(([name, { title }]) => [name, title]),
);

function nameOf(type: string): string {
  return type.slice(type.lastIndexOf(":") + 1);
}
