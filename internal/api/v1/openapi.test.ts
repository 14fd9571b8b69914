import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { openTestApi, unreachableDatabase } from "./api.testing.ts";

const api = openTestApi({ database: unreachableDatabase() });

test("is a valid OpenAPI 3.1 document", async () => {
  const { status, body } = await api.get("/v1/openapi.json");
  expect(status).toBe(200);
  const validator = new Validator();
  expect(await validator.validate(body)).toMatchObject({ valid: true });
  expect(validator.version).toBe("3.1");
});

test("describes every path there is, and no other", async () => {
  const { body } = await api.get("/v1/openapi.json");
  const served = api.app.routes.filter(({ path }) => path.startsWith("/v1/")).map(({ path }) => path);
  expect(Object.keys(body.paths).sort()).toEqual([...new Set(served)].sort());
});

test("describes parameters as they are checked, and every kind of answer", async () => {
  const { body } = await api.get("/v1/openapi.json");
  const { parameters, responses } = body.paths["/v1/vwap"].get;
  expect(parameters.map(({ name, in: where, required }: Record<string, unknown>) => [name, where, required])).toEqual(
    ["pair", "base", "quote", "window", "at", "from", "to"].map((name) => [name, "query", false]),
  );
  expect(parameters[3].schema).toMatchObject({ type: "string" });
  expect(parameters[4].schema).toMatchObject({ type: "string", format: "date-time" });
  expect(Object.keys(responses).sort()).toEqual(["200", "304", "400", "401", "404", "410", "414", "429", "500", "503"]);
  expect(responses["200"].content["application/json"].schema.properties.data).toEqual({
    $ref: "#/components/schemas/PublishedValue",
  });
  const interval = body.paths["/v1/ohlc"].get.parameters.find(({ name }: { name: string }) => name === "interval");
  expect(interval).toMatchObject({ required: true, description: expect.stringContaining("divide a day") });
  const limit = body.paths["/v1/ohlc"].get.parameters.find(({ name }: { name: string }) => name === "limit");
  expect(limit).toMatchObject({ required: false, schema: { type: "integer", default: 500, maximum: 1000 } });
  expect(body.components.schemas.Problem.required).toEqual(["type", "title", "status", "detail"]);
});

test("describes what the policy adds to the answers", async () => {
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
  expect(Object.keys(schemas.Flags.properties)).toEqual(["stale", "triangulated", "divergence_warning", "frozen"]);
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
