import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { listenTo, openApiDatabase, unreachableDatabase } from "../api/v1/api.testing.ts";
import type { TestDatabase } from "../storage/connection/database.testing.ts";
import { requestDone, requestRateLimited } from "./events.ts";
import { hashKey, makeKey } from "./keys.ts";
import { readToEnd, type ServedTestApi, sendRaw, serveTestApi } from "./served.testing.ts";

let database: TestDatabase;
let api: ServedTestApi;
beforeAll(async () => {
  database = await openApiDatabase();
});
afterEach(() => api.close());
afterAll(() => database.drop());

async function serve(options: Omit<Parameters<typeof serveTestApi>[0], "database">): Promise<ServedTestApi> {
  api = await serveTestApi({ database, ...options });
  api.at("2026-01-10T12:00:10Z");
  return api;
}

const KEY = makeKey();
const OTHER = makeKey();
const KEYS = [
  { name: "wallet", hash: hashKey(KEY), scopes: ["prices:read"] },
  { name: "exchange", hash: hashKey(OTHER), scopes: ["prices:read"], rate_limit_per_minute: 2 },
];

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${api.url}${path}`, { headers, redirect: "manual" });
}

function withKey(key: string): Record<string, string> {
  return { Authorization: `Bearer ${key}` };
}

test("with require_key, prices need a key; the OpenAPI document and its page do not", async () => {
  await serve({ access: { keys: KEYS }, settings: { keys: "required" } });
  const done = listenTo(requestDone);
  for (const path of ["//v1/sources", "/v1/sources/"]) expect((await get(path)).status).toBe(404);
  for (const path of ["/v1/vwap?pair=x", "/v1/sources", "/v1/markets", "/v1/%73ources"]) {
    const response = await get(path);
    expect([path, response.status]).toEqual([path, 401]);
    expect(response.headers.get("WWW-Authenticate")).toBe('Bearer realm="stellarindex"');
    expect(await response.json()).toMatchObject({ type: "urn:stellarindex:problem:unauthorized" });
  }
  for (const path of ["/docs", "/docs/start.js", "/v1/openapi.json"]) expect((await get(path)).status).toBe(200);
  expect((await get("/")).status).toBe(302);

  const answer = await get("/v1/sources", withKey(KEY));
  expect(answer.status).toBe(200);
  // The answer must not be stored in a shared cache.
  expect(answer.headers.get("Cache-Control")).toMatch(/^private, /);
  expect((await get("/v1/sources", { authorization: `bearer  ${OTHER}` })).status).toBe(200);
  expect(done.events.filter(({ key }) => key !== null).map(({ key }) => key)).toEqual(["wallet", "exchange"]);
  expect(JSON.stringify(done.events)).not.toContain(KEY);
  done.stop();
  const description = await (await get("/v1/openapi.json")).json();
  const { security, components } = description as { security: unknown; components: { securitySchemes: unknown } };
  expect([security, components.securitySchemes]).toMatchObject([
    [{ key: [] }],
    { key: { type: "http", scheme: "bearer" } },
  ]);
});

test("an unknown key is refused, whether keys are required or not", async () => {
  await serve({ access: { keys: KEYS }, settings: { keys: "accepted" } });
  for (const key of [makeKey(), `${KEY}x`, KEY.slice(0, -1), KEY.toUpperCase(), hashKey(KEY).slice(7), "x"]) {
    for (const path of ["/v1/sources", "/docs"]) {
      const response = await get(path, withKey(key));
      expect([key, response.status]).toEqual([key, 401]);
      expect(response.headers.get("WWW-Authenticate")).toContain('error="invalid_token"');
      expect(await response.text()).not.toContain(key === "x" ? "Bearer x" : key);
    }
  }
  for (const headers of [{}, { Authorization: "Basic dXNlcjpwYXNz" }, { Authorization: "Bearer" }, withKey(KEY)]) {
    expect((await get("/v1/sources", headers)).status).toBe(200);
  }
  expect((await get("/v1/sources")).headers.get("Cache-Control")).toMatch(/^public, /);
});

test("a key without the scope prices:read is refused, even if requests without a key are not", async () => {
  const keys = [{ name: "worker", hash: hashKey(KEY), scopes: ["jobs:work"] }];
  await serve({ access: { keys }, settings: { keys: "accepted" } });
  const response = await get("/v1/sources", withKey(KEY));
  expect(response.status).toBe(403);
  expect(response.headers.get("WWW-Authenticate")).toContain('error="insufficient_scope", scope="prices:read"');
  expect(await response.json()).toMatchObject({
    type: "urn:stellarindex:problem:insufficient-scope",
    detail: 'the API key "worker" lacks the scope prices:read',
  });
  expect((await get("/v1/openapi.json", withKey(KEY))).status).toBe(200);
  expect((await get("/v1/sources")).status).toBe(200);
});

test("a client has a number of requests per minute, and headers say how many are left", async () => {
  await serve({ access: { rateLimitPerMinute: 3, trustedProxies: ["127.0.0.1"] } });
  const refused = listenTo(requestRateLimited);
  const from = (address: string) => get("/v1/sources", { "X-Forwarded-For": `6.6.6.6, ${address}` });
  for (const remaining of [2, 1, 0]) {
    const { status, headers } = await from("198.51.100.1");
    expect(status).toBe(200);
    expect(headers.get("RateLimit-Policy")).toBe('"minute";q=3;w=60');
    expect(headers.get("RateLimit")).toMatch(new RegExp(`^"minute";r=${remaining};t=(?:60|59|58)$`));
  }
  const response = await from("198.51.100.1");
  expect(response.status).toBe(429);
  expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(50);
  expect(response.headers.get("RateLimit")).toMatch(/^"minute";r=0;t=\d+$/);
  expect(await response.json()).toMatchObject({ type: "urn:stellarindex:problem:rate-limited", status: 429 });
  expect((await from("198.51.100.2")).status).toBe(200);
  expect((await from("2001:db8::1")).headers.get("RateLimit")).toContain("r=2");
  expect((await from("2001:db8::ffff")).headers.get("RateLimit")).toContain("r=1");
  expect(refused.events).toHaveLength(1);
  refused.stop();
});

test("a key has its own limit or the API's, and unknown keys count for the address", async () => {
  await serve({ access: { keys: KEYS, rateLimitPerMinute: 4 }, settings: { keys: "accepted" } });
  const statuses = async (times: number, headers: Record<string, string>) => {
    const found: number[] = [];
    for (let done = 0; done < times; done++) found.push((await get("/v1/sources", headers)).status);
    return found;
  };
  expect(await statuses(3, withKey(OTHER))).toEqual([200, 200, 429]);
  expect(await statuses(5, withKey(KEY))).toEqual([200, 200, 200, 200, 429]);
  expect(await statuses(3, withKey("a-guess"))).toEqual([401, 401, 401]);
  expect(await statuses(2, {})).toEqual([200, 429]);
  expect(await statuses(1, withKey("a-guess"))).toEqual([429]);
});

test("configured origins are allowed by CORS, including preflights", async () => {
  await serve({ access: { corsOrigins: ["https://example.org"], rateLimitPerMinute: 2 } });
  const preflight = (origin: string) =>
    fetch(`${api.url}/v1/sources`, {
      method: "OPTIONS",
      headers: { Origin: origin, "Access-Control-Request-Method": "GET" },
    });
  // Preflights are not counted.
  for (let times = 0; times < 3; times++) {
    const { status, headers } = await preflight("https://example.org");
    expect(status).toBe(204);
    expect(Object.fromEntries(headers)).toMatchObject({
      "access-control-allow-origin": "https://example.org",
      "access-control-allow-methods": "GET, HEAD",
      "access-control-allow-headers": "Authorization, If-None-Match",
      vary: "Origin",
    });
  }
  const allowed = await get("/v1/sources", { Origin: "https://example.org" });
  expect(allowed.headers.get("Access-Control-Allow-Origin")).toBe("https://example.org");
  expect(allowed.headers.get("Access-Control-Expose-Headers")).toContain("ETag");
  const refused = await get("/v1/sources", { Origin: "https://example.com" });
  expect(refused.headers.get("Access-Control-Allow-Origin")).toBeNull();
  expect(refused.headers.get("Vary")).toBe("Origin, Accept-Encoding");
  // The page can read errors too.
  const limited = await get("/v1/sources", { Origin: "https://example.org" });
  expect([limited.status, limited.headers.get("Access-Control-Allow-Origin")]).toEqual([429, "https://example.org"]);
  expect((await preflight("https://example.com")).headers.get("Access-Control-Allow-Origin")).toBeNull();
});

test('"*" allows any origin, and without origins there are no CORS headers', async () => {
  await serve({ access: { corsOrigins: ["*"] } });
  const any = await get("/v1/sources", { Origin: "https://example.com" });
  expect([any.headers.get("Access-Control-Allow-Origin"), any.headers.get("Vary")]).toEqual(["*", "Accept-Encoding"]);
  await api.close();
  await serve({});
  const none = await fetch(`${api.url}/v1/sources`, { method: "OPTIONS", headers: { Origin: "https://example.com" } });
  expect(none.status).toBe(405);
  expect([...none.headers.keys()].filter((name) => /^(?:access-control-|vary|ratelimit)/.test(name))).toEqual([]);
});

test("every kind of answer has the headers that Hono's middleware would set", async () => {
  const hono = new Hono().use(secureHeaders()).get("/", (c) => c.text(""));
  const { headers } = await hono.request("/");
  const expected = Object.fromEntries([...headers].filter(([name]) => name !== "content-type"));
  // The proxy that terminates TLS sets this one; here it is plain HTTP.
  expect(expected["strict-transport-security"]).toBeDefined();
  const { "strict-transport-security": _, ...ofPages } = expected;
  // The other headers concern rendered pages.
  const ofAll = Object.fromEntries(
    ["cross-origin-resource-policy", "referrer-policy", "x-content-type-options", "x-frame-options"].map((name) => [
      name,
      expected[name],
    ]),
  );

  await serve({ access: { keys: KEYS, rateLimitPerMinute: 12, corsOrigins: ["*"] }, settings: { keys: "accepted" } });
  const etag = (await get("/v1/sources")).headers.get("ETag") ?? "";
  const docsTag = (await get("/docs")).headers.get("ETag") ?? "";
  const sent: [response: Response, status: number, headers: Record<string, string | undefined>][] = [
    [await get("/v1/sources"), 200, ofAll],
    [await get("/v1/sources", { "If-None-Match": etag }), 304, ofAll],
    [await get("/docs"), 200, ofPages],
    [await get("/docs", { "If-None-Match": docsTag }), 304, ofPages],
    [await get("/"), 302, ofPages],
    [await get("/v1/vwap?pair=x"), 400, ofAll],
    [await get("/v1/sources", withKey("x")), 401, ofAll],
    [await get("/v1/none"), 404, ofAll],
    [await fetch(`${api.url}/v1/sources`, { method: "POST", body: "x" }), 405, ofAll],
    [await get(`/v1/vwap?pair=${"x".repeat(2_048)}`), 414, ofAll],
    [await get("/v1/sources"), 429, ofAll],
    [
      await fetch(api.url, {
        method: "OPTIONS",
        headers: { Origin: "https://example.com", "Access-Control-Request-Method": "GET" },
      }),
      204,
      ofAll,
    ],
  ];
  await api.close();
  const gone = unreachableDatabase();
  api = await serveTestApi({ database: gone });
  api.at("2026-01-10T12:00:10Z");
  sent.push([await get("/v1/markets"), 503, ofAll]);
  await gone.close();
  for (const [response, status, wanted] of sent) {
    expect(response.status).toBe(status);
    expect(Object.fromEntries(response.headers)).toMatchObject(wanted);
  }
  const malformed = await readToEnd(
    await sendRaw(api.port, "GET /v1/sources HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n"),
  );
  expect(malformed).toMatch(/^HTTP\/1\.1 400 /);
  expect(malformed).toContain("urn:stellarindex:problem:malformed-request");
  for (const [name, value] of Object.entries(ofAll))
    expect(malformed.toLowerCase()).toContain(`${name}: ${value}`.toLowerCase());
});

test("a query may have at most 2048 characters, and headers at most 16 KiB", async () => {
  await serve({});
  const path = "/v1/vwap?pair=";
  expect((await get(path + "x".repeat(2_048 - path.length))).status).toBe(400);
  const tooLong = await get(path + "x".repeat(2_049 - path.length));
  expect(tooLong.status).toBe(414);
  expect(await tooLong.json()).toMatchObject({ type: "urn:stellarindex:problem:query-too-long" });
  const headers = `GET /v1/sources HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(16_384)}\r\n\r\n`;
  expect(await readToEnd(await sendRaw(api.port, headers))).toMatch(/^HTTP\/1\.1 431 /);
});
