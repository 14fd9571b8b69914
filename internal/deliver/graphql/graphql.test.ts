import { describe, expect, it } from "vitest";
import { serve } from "../../http/local-server.testing.ts";
import { eventOf, send, settingsOf } from "../deliver.testing.ts";
import { makeRedact } from "../redact.ts";
import { readGraphqlAnswer } from "./read-answer.ts";

const MUTATION = "mutation ($id: ID!, $brand: String!) { createItem(id: $id, brand: $brand) { id } }";
const TOML = `query = "${MUTATION}"
[deliveries.headers]
authorization = "Bearer hunter2hunter2"
[deliveries.variables]
id = { from = "/id" }
brand = "testBrand"`;

const reading = { now: Date.parse("2026-11-29T00:00:00Z"), redact: makeRedact(["hunter2hunter2"]) };

function read(text: string, { status = 200, retryAfter = null }: { status?: number; retryAfter?: string | null } = {}) {
  return readGraphqlAnswer({ status, retryAfter, text, isTooLarge: false, failure: null }, reading);
}

const coded = (code: string) => `{"errors":[{"message":"slow down","extensions":{"code":"${code}"}}]}`;
const cost = (requested: string, available: string, rate: string) =>
  `{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}],"extensions":{"cost":{"requestedQueryCost":${requested},"actualQueryCost":null,"throttleStatus":{"maximumAvailable":1000.0,"currentlyAvailable":${available},"restoreRate":${rate}}}}}`;

describe("a GraphQL API", () => {
  it("is sent the mutation with its variables and the delivery's id", async () => {
    const items = new Map<unknown, unknown>();
    const server = await serve(({ body }, response) => {
      const { variables } = JSON.parse(body);
      items.set(variables.id, variables);
      response.end(JSON.stringify({ data: { createItem: { id: variables.id } } }));
    });
    const settings = settingsOf("graphql", `${server.url}/graphql`, TOML);
    for (const id of ["e-1", "e-2", "e-1"]) {
      const event = eventOf({ id, body: JSON.stringify({ id, name: "n" }) });
      expect(await send(settings, { event })).toEqual({
        outcome: "delivered",
        status: 200,
        reason: null,
        detail: null,
        retryAfterSeconds: null,
      });
    }
    expect([...items.values()]).toEqual(["e-1", "e-2"].map((id) => ({ id, brand: "testBrand" })));
    expect(JSON.parse(server.received[0]?.body ?? "").query).toBe(MUTATION);
    const keys = server.received.map(({ headers }) => headers["idempotency-key"]);
    expect([keys[0], new Set(keys).size]).toEqual([keys[2], 2]);
    expect(server.received[0]?.headers).toMatchObject({
      accept: "application/graphql-response+json, application/json",
      "content-type": "application/json",
      authorization: "Bearer hunter2hunter2",
    });
  });

  it.each<readonly [string, string, string | null]>([
    ['{"data":{"a":{"id":1}}}', "delivered", null],
    ['{"data":{"a":false,"b":0},"errors":[],"extensions":{}}', "delivered", null],
    ['{"data":{"a":1},"errors":null}', "delivered", null],
    ['{"data":{"a":1},"errors":[{"message":"no"}]}', "retry", "partial_data"],
    ['{"data":{"a":1,"b":null}}', "retry", "partial_data"],
    ['{"data":{"a":null},"errors":[{"message":"no"}]}', "retry", "graphql_errors"],
    ['{"data":null,"errors":[{}]}', "retry", "graphql_errors"],
    ['{"data":{"a":1},"errors":"no"}', "retry", "partial_data"],
    ['{"errors":{"message":"no"}}', "retry", "graphql_errors"],
    ['{"data":{"a":null}}', "retry", "no_data"],
    ['{"data":{}}', "retry", "no_data"],
    ['{"data":[1]}', "retry", "no_data"],
    ["{}", "retry", "no_data"],
    ["[]", "retry", "invalid_json"],
    ["<html>hello</html>", "retry", "invalid_json"],
    ["", "retry", "invalid_json"],
    ['{"data":{"a":1}', "retry", "invalid_json"],
    [coded("BAD_USER_INPUT"), "retry", "graphql_errors"],
    ...["THROTTLED", "RATE_LIMITED", "rate-limited", "RATELIMITED", "TOO_MANY_REQUESTS", "RATE_LIMIT_EXCEEDED"].map(
      (code) => [coded(code), "throttled", "throttled"] as const,
    ),
    ['{"data":null,"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}', "throttled", "throttled"],
  ])("answers %s: %s", (text, outcome, reason) => {
    expect(read(text)).toMatchObject({ outcome, reason, status: 200 });
  });

  it("is read by its status where it throttles, fails or is gone", () => {
    expect(read("", { status: 429, retryAfter: "3" })).toMatchObject({ outcome: "throttled", retryAfterSeconds: 3 });
    expect(read("", { status: 503, retryAfter: "Sun, 29 Nov 2026 00:00:05 GMT" })).toMatchObject({
      retryAfterSeconds: 5,
    });
    expect(read(coded("RATE_LIMITED"), { status: 400, retryAfter: "2" })).toMatchObject({
      outcome: "throttled",
      status: 400,
      retryAfterSeconds: 2,
    });
    expect(read('{"data":{"a":1}}', { status: 500 })).toMatchObject({ outcome: "retry", reason: "http_status" });
    expect(read("", { status: 302 })).toMatchObject({ outcome: "retry", reason: "redirect" });
    expect(read("", { status: 410 })).toMatchObject({ outcome: "gone" });
  });

  it.each([
    [cost("72", "52.5", "50.0"), 1],
    [cost("700", "0.0", "50.0"), 14],
    [cost("10", "20", "50"), 0],
    [cost("10", "0", "0"), null],
    [cost("null", "0", "50"), null],
    [cost('"10"', "0", "50"), null],
    [coded("THROTTLED"), null],
  ])("tells when its costs are refilled: %s", (text, retryAfterSeconds) => {
    expect(read(text)).toMatchObject({ outcome: "throttled", retryAfterSeconds });
  });

  it("has its errors on record, without secrets", () => {
    expect(read('{"errors":[{"message":"no hunter2hunter2"},{"extensions":{"code":"X"}},3]}').detail).toBe(
      "no ***; an error without a message (X); an error without a message",
    );
  });
});
