import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { listenTo } from "../api/v1/api.testing.ts";
import { requestDone, requestFailed } from "./events.ts";
import { AS_READER, AS_WRITER, type RouteApp, serveRoutes } from "./route-app.testing.ts";

const JSON_TYPE = { "Content-Type": "application/json" };

interface Got {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered
  readonly body: any;
}

async function send({ url }: RouteApp, path: string, init: RequestInit = {}): Promise<Got> {
  const response = await fetch(`${url}${path}`, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
}

function post(app: RouteApp, body: unknown, headers: Record<string, string> = AS_WRITER): Promise<Got> {
  return send(app, "/jobs", { method: "POST", headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) });
}

test("a handler gets path, query, body and principal as their schemas give them", async () => {
  const app = await serveRoutes();
  const { status, body } = await send(app, "/jobs/7?limit=3", { headers: AS_READER });
  expect([status, body]).toEqual([200, { params: { job: "7" }, query: { limit: 3 }, key: "reader" }]);
  const posted = await post(app, { name: "a", steps: [{ kind: "fetch", "a/b~c": 1 }] });
  expect(posted).toMatchObject({
    status: 201,
    body: {
      params: {},
      query: {},
      body: { name: "a", priority: 0, steps: [{ kind: "fetch", "a/b~c": 1 }] },
      key: "writer",
    },
  });
  expect((await send(app, "/jobs/7", { method: "DELETE", headers: AS_WRITER })).status).toBe(204);
});

test.each([
  ["/jobs/x", "job", "is not a number"],
  ["/jobs/%E4%B8%AD", "job", "is not a number"],
  ["/jobs/7?limit=10", "limit", "Too big"],
  ["/jobs/7?limits=1", "limits", "is not a parameter"],
])("%s names the parameter that is wrong", async (path, parameter, detail) => {
  const { status, body } = await send(await serveRoutes(), path, { headers: AS_READER });
  expect(status).toBe(400);
  expect(body).toMatchObject({
    type: "urn:stellarindex:problem:invalid-query",
    errors: [{ parameter, detail: expect.stringContaining(detail) }],
  });
});

test.each<[string, unknown, [pointer: string, detail: string][]]>([
  ["a field is missing", {}, [["/name", "is missing"]]],
  ["a field is empty", { name: "" }, [["/name", "is empty"]]],
  ["a field has another type", { name: "a", priority: "high" }, [["/priority", "expected number"]]],
  ["a field is unknown", { name: "a", owner: 1 }, [["/owner", "is not a field of this body"]]],
  [
    "fields of a list are wrong",
    { name: "a", steps: [{ kind: "fetch" }, { kind: "sell", "a/b~c": "x" }] },
    [
      ["/steps/1/a~1b~0c", "expected number"],
      ["/steps/1/kind", "expected one of"],
    ],
  ],
  ["it is a list", [], [["", "expected object"]]],
  ["it is null", null, [["", "expected object"]]],
])("a JSON Pointer leads to what is wrong with a body where %s", async (_case, sent, wrong) => {
  const { status, body } = await post(await serveRoutes(), sent);
  expect([status, body.type]).toEqual([400, "urn:stellarindex:problem:invalid-body"]);
  const errors = body.errors.toSorted((a: { pointer: string }, b: { pointer: string }) =>
    a.pointer < b.pointer ? -1 : 1,
  );
  expect(errors).toEqual(wrong.map(([pointer, detail]) => ({ pointer, detail: expect.stringContaining(detail) })));
  expect(body.detail).toContain(wrong[0]?.[0] === "" ? "the body: " : `${wrong[0]?.[0]}: `);
});

test("a route is for those whose key has its scope, and says which", async () => {
  const stored: unknown[] = [];
  const app = await serveRoutes({ store: async ({ principal }) => void stored.push(principal) });
  const done = listenTo(requestDone);
  const without = await post(app, { name: 1 }, {});
  expect([without.status, without.body.type]).toEqual([401, "urn:stellarindex:problem:unauthorized"]);
  expect(without.headers.get("WWW-Authenticate")).toBe('Bearer realm="stellarindex"');
  const reader = await post(app, { name: 1 }, AS_READER);
  expect([reader.status, reader.body.type]).toEqual([403, "urn:stellarindex:problem:insufficient-scope"]);
  expect(reader.body.detail).toBe('the API key "reader" lacks the scope jobs:write');
  expect(reader.headers.get("WWW-Authenticate")).toBe(
    'Bearer realm="stellarindex", error="insufficient_scope", scope="jobs:write"',
  );
  expect((await send(app, "/jobs/7")).status).toBe(401);
  expect((await send(app, "/jobs/7", { headers: AS_READER })).status).toBe(200);
  expect(stored).toEqual([]);
  expect((await post(app, { name: "a" })).status).toBe(201);
  expect(stored).toEqual([{ key: "writer", tenant: null, scopes: ["jobs:read", "jobs:write"] }]);
  expect(done.events.map(({ status, key }) => [status, key])).toEqual([
    [401, null],
    [403, "reader"],
    [401, null],
    [200, "reader"],
    [201, "writer"],
  ]);
  expect(JSON.stringify(done.events)).not.toContain(AS_WRITER.Authorization.slice("Bearer ".length));
  done.stop();
});

test("what requests without a key may do is a scope as well", async () => {
  const app = await serveRoutes({}, { anonymous: ["jobs:read"] });
  const read = await send(app, "/jobs/7");
  expect([read.status, read.body.key]).toEqual([200, null]);
  expect((await post(app, { name: "a" }, {})).status).toBe(401);
});

test("GET answers HEAD and If-None-Match; a problem of the route's own has its status", async () => {
  const app = await serveRoutes();
  const { headers } = await send(app, "/jobs/7", { headers: AS_READER });
  const head = await send(app, "/jobs/7", { method: "HEAD", headers: AS_READER });
  expect([head.status, head.body, head.headers.get("ETag")]).toEqual([200, null, headers.get("ETag")]);
  const again = await send(app, "/jobs/7", { headers: { ...AS_READER, "If-None-Match": headers.get("ETag") ?? "" } });
  expect(again.status).toBe(304);
  expect(await send(app, "/jobs/404", { headers: AS_READER })).toMatchObject({
    status: 404,
    body: { type: "urn:stellarindex:problem:job-not-found", title: "No job", detail: "job 404 is unknown" },
  });
});

test.each([
  ["PUT", "/jobs/7", 405, "GET, DELETE, HEAD"],
  ["POST", "/jobs/7", 405, "GET, DELETE, HEAD"],
  ["GET", "/jobs", 405, "POST"],
  ["HEAD", "/rows", 405, "POST"],
  ["PURGE", "/rows", 405, "POST"],
  ["POST", "/openapi.json", 405, "GET, HEAD"],
  ["GET", "/openapi-json", 404, null],
  ["GET", "/jobs/", 404, null],
  ["DELETE", "/jobs/7/8", 404, null],
])("%s %s is answered with %i", async (method, path, status, allow) => {
  const got = await send(await serveRoutes(), path, { method, headers: AS_WRITER });
  expect([got.status, got.headers.get("Allow")]).toEqual([status, allow]);
});

test("an unexpected error is a problem that tells nothing of it", async () => {
  const app = await serveRoutes({ store: () => Promise.reject(new Error("relation secret does not exist")) });
  const failed = listenTo(requestFailed);
  const { status, body } = await post(app, { name: "a" });
  expect([status, body.type]).toEqual([500, "urn:stellarindex:problem:internal-error"]);
  expect(JSON.stringify(body)).not.toContain("secret");
  expect(failed.events).toMatchObject([{ route: "/jobs", error: { message: "relation secret does not exist" } }]);
  failed.stop();
});

test("the OpenAPI document has the routes as they are declared", async () => {
  const { body: document } = await send(await serveRoutes({}, { anonymous: ["jobs:read"] }), "/openapi.json");
  expect(await new Validator().validate(structuredClone(document))).toMatchObject({ valid: true });
  const { "/jobs": jobs, "/jobs/{job}": job, "/rows": rows } = document.paths;
  expect(jobs.post).toMatchObject({
    operationId: "addJob",
    tags: ["Jobs"],
    security: [{ key: ["jobs:write"] }],
    requestBody: { required: true, content: { "application/json": { schema: { $ref: "#/components/schemas/Job" } } } },
  });
  expect(Object.keys(jobs.post.responses)).toEqual("201,400,401,403,413,414,415,429,500,503".split(","));
  const { examples } = jobs.post.responses["403"].content["application/problem+json"];
  expect(examples["insufficient-scope"].value.detail).toBe('the API key "wallet-app" lacks the scope jobs:write');
  expect(job.get.security).toBeUndefined();
  expect(job.get.parameters).toMatchObject([
    { name: "job", in: "path", required: true },
    { name: "limit", in: "query", required: false },
  ]);
  expect(Object.keys(job.get.responses)).toEqual("200,304,400,401,403,404,414,429,500,503".split(","));
  expect(job.delete.responses["204"]).toEqual({ description: "Cancelled" });
  expect(rows.post.security).toEqual([]);
  expect(Object.keys(rows.post.requestBody.content)).toEqual(["application/x-ndjson", "application/json"]);
  expect(document.components.securitySchemes.key).toMatchObject({ type: "http", scheme: "bearer" });
  const { errors } = document.components.schemas.BodyProblem.properties;
  expect(Object.keys(errors.items.properties)).toEqual(["parameter", "pointer", "detail"]);
});
