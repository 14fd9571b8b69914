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
