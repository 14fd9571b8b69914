import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runsOf } from "../../test/thoroughness.ts";
import { listenTo, openApiDatabase } from "../api/v1/api.testing.ts";
import { parsePair } from "../canonical/pair.ts";
import type { TestDatabase } from "../storage/connection/database.testing.ts";
import { trade } from "../storage/trades/trades.testing.ts";
import { writeTrades } from "../storage/trades/trades.ts";
import { requestFailed } from "./events.ts";
import { hashKey } from "./keys.ts";
import { readToEnd, type ServedTestApi, sendRaw, serveTestApi } from "./served.testing.ts";

let database: TestDatabase;
let api: ServedTestApi;
beforeAll(async () => {
  database = await openApiDatabase();
  await writeTrades(database, [trade(parsePair("XLM/USD"), "2026-01-10T11:59:00Z", { base: "10", quote: "5" })]);
  api = await serveTestApi({
    database,
    settings: { keys: "accepted" },
    access: {
      keys: [{ name: "known", hash: hashKey("known"), scopes: ["prices:read"] }],
      rateLimitPerMinute: 1_000_000,
      trustedProxies: ["127.0.0.1"],
      corsOrigins: ["https://example.org"],
    },
  });
  api.at("2026-01-10T12:00:10Z");
});
afterAll(async () => {
  await api.close();
  await database.drop();
});

/** Sends a raw request and returns the status and the body. */
async function send(target: string, { method = "GET", headers = "Host: x" } = {}): Promise<[number, string]> {
  const request = `${method} ${target} HTTP/1.1\r\n${headers}\r\nConnection: close\r\n\r\n`;
  const answer = await readToEnd(await sendRaw(api.port, Buffer.from(request, "latin1")));
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
  const [, ...body] = answer.split("\r\n\r\n");
  return [Number(status), body.join("\r\n\r\n")];
}

test.each<[target: string, status: number]>([
  ["/v1/vwap?pair=%zz", 400],
  ["/v1/vwap?pair=%", 400],
  ["/v1/vwap?pair=XLM/USD%00", 400],
  ["/v1/vwap?pair=%00/%00", 400],
  ["/v1/vwap?pair=%ED%A0%80/USD", 400],
  ["/v1/vwap?pair=%F0%9F%92%A9/USD", 400],
  ["/v1/vwap?pair=XLM/USD&pair=XLM/USD", 400],
  ["/v1/vwap?pair[]=XLM/USD", 400],
  ["/v1/vwap?pair=XLM/USD&from=99999999-01-01T00:00:00Z&to=99999999-01-02T00:00:00Z", 400],
  ["/v1/vwap?pair=XLM/USD&at=9999-12-31T23:59:59Z", 400],
  ["/v1/twap?pair=XLM/USD&at=1970-01-01T00:00:00Z", 404],
  ["/v1/ohlc?pair=XLM/USD&interval=1m&from=1970-01-01T00:00:00Z&to=9999-12-31T23:59:59Z&limit=1", 200],
  ["/v1/ohlc?pair=XLM/USD&interval=1m&cursor=%00", 400],
  ["/v1/markets?cursor=%00/%00", 400],
  ["/v1/markets?cursor=%ED%A0%80/x", 400],
  ["/v1/markets?cursor=a/x", 200],
  ["/v1/markets?cursor=a/b/c", 400],
  ["/v1/markets?limit=1e3", 400],
  ["/v1/price?pair=XLM/USD#x", 200],
  ["/v1/price?pair=XLM/USD&", 200],
  ["/v1/price?=&pair=XLM/USD", 200],
  ["//v1/price?pair=XLM/USD", 404],
  ["/v1//price?pair=XLM/USD", 404],
  ["/v1/./price?pair=XLM/USD", 200],
  ["/v1/../v1/price?pair=XLM/USD", 200],
  ["/v1\\price?pair=XLM/USD", 400],
  ["http://elsewhere/v1/price?pair=XLM/USD", 200],
  ["http://[::/v1/price", 400],
  ["*", 400],
  ["/%", 404],
  ["/docs/%2e%2e/package.json", 404],
  ["/__proto__", 404],
])("%s is answered with %i", async (target, status) => {
  const [found, body] = await send(target);
  expect([found, body]).toEqual([status, body]);
  if (status >= 400) expect(body).toContain('"type":"urn:stellarindex:problem:');
});

test.each<[method: string, status: number]>([
  ["HEAD", 200],
  ["OPTIONS", 405],
  ["POST", 405],
  ["DELETE", 405],
  ["TRACE", 405],
  ["PROPFIND", 405],
])("%s is answered with %i", async (method, status) => {
  expect((await send("/v1/price?pair=XLM/USD", { method }))[0]).toBe(status);
});

test.each<[headers: string, status: number]>([
  ["X: y", 400],
  ["Host: x\r\nHost: y", 200],
  ["Host: ", 400],
  ["Host: a b", 400],
  ["Host: x/../..", 400],
  ["Host: \xff", 400],
  ['Host: x\r\nIf-None-Match: \xff"', 200],
  ["Host: x\r\nIf-None-Match: *", 304],
  ["Host: x\r\nAuthorization: Bearer \xff", 200],
  ["Host: x\r\nAuthorization: Bearer wrong", 401],
  ["Host: x\r\nX-Forwarded-For: ,,,\xff,[::", 200],
  ["Host: x\r\nOrigin: \xff\r\nAccess-Control-Request-Method: GET", 200],
  ["Host: x\r\nContent-Length: x", 400],
  ["Host: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked", 400],
  ["Host: x\r\nUpgrade: websocket\r\nConnection: upgrade", 200],
  ["Host: x\r\nExpect: 100-continue", 100],
  ["Host: x\r\nExpect: nothing", 200],
])("headers %j are answered with %i", async (headers, status) => {
  expect((await send("/v1/price?pair=XLM/USD", { headers }))[0]).toBe(status);
});

test("no request causes an unexpected error", async () => {
  const failed = listenTo(requestFailed);
  const paths = ["/v1/vwap", "/v1/twap", "/v1/price", "/v1/ohlc", "/v1/markets", "/v1/sources", "/docs", "/", "/x"];
  const names = ["pair", "base", "quote", "window", "at", "from", "to", "interval", "limit", "cursor", "__proto__"];
  // All bytes that are possible in a request line.
  const raw = fc
    .array(fc.integer({ min: 0x21, max: 0xff }), { maxLength: 40 })
    .map((bytes) => String.fromCharCode(...bytes.filter((byte) => byte !== 0x7f)));
  const value = fc.oneof(
    raw,
    fc.string({ unit: "binary", maxLength: 20 }).map((text) => encodeURIComponent(text)),
    fc.constantFrom("XLM/USD", "1h", "2026-01-10T11:00:00Z", "2026-01-10T12:00:00Z", "1", "-1", "0", "%00", "%zz", ""),
  );
  const query = fc
    .array(
      fc.tuple(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: raw }), value),
      {
        maxLength: 5,
      },
    )
    .map((parameters) => parameters.map(([name, text]) => `${name}=${text}`).join("&"));
  const header = fc.tuple(
    fc.constantFrom("If-None-Match", "X-Forwarded-For", "Authorization", "Origin", "Accept", "Cookie", "Host"),
    raw,
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("GET", "HEAD", "OPTIONS", "POST"),
      fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...paths) },
        { weight: 1, arbitrary: raw.map((text) => `/${text}`) },
      ),
      query,
      fc.array(header, { maxLength: 3 }),
      async (method, path, asked, others) => {
        const headers = ["Host: x", ...others.map(([name, text]) => `${name}: ${text}`)].join("\r\n");
        const [status, body] = await send(`${path}?${asked}`, { method, headers });
        expect(status).toBeGreaterThanOrEqual(200);
        expect(status, body).toBeLessThan(500);
        expect(body).not.toMatch(/SELECT|relation "|node_modules|\.ts:\d/);
      },
    ),
    { numRuns: runsOf(400) },
  );
  expect(failed.events).toEqual([]);
  failed.stop();
});
