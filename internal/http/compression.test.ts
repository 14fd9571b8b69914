import { type IncomingHttpHeaders, request } from "node:http";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openApiDatabase } from "../api/v1/api.testing.ts";
import { parsePair } from "../canonical/pair.ts";
import type { TestDatabase } from "../storage/connection/database.testing.ts";
import { trade } from "../storage/trades/trades.testing.ts";
import { writeTrades } from "../storage/trades/trades.ts";
import { acceptsGzip } from "./compression.ts";
import { type ServedTestApi, serveTestApi } from "./served.testing.ts";

const CANDLES = "/v1/ohlc?pair=XLM/USD&interval=1m&from=2026-01-10T11:00:00Z";

let database: TestDatabase;
let api: ServedTestApi;
beforeAll(async () => {
  database = await openApiDatabase();
  const minutes = Array.from({ length: 50 }, (_, minute) => {
    const time = new Date(Date.UTC(2026, 0, 10, 11, minute)).toISOString();
    return trade(parsePair("XLM/USD"), time, { base: "10", quote: "5" });
  });
  await writeTrades(database, minutes);
  api = await serveTestApi({ database, access: { corsOrigins: ["https://example.org"] } });
  api.at("2026-01-10T12:00:10Z");
});
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

interface Got {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Sends exactly these headers: `fetch` would add Accept-Encoding and decompress the answer. */
function get(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Got> {
  return new Promise((resolve, reject) => {
    request(`${api.url}${path}`, { headers, method }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () =>
        resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) }),
      );
    })
      .on("error", reject)
      .end();
  });
}

const GZIP = { "Accept-Encoding": "gzip, deflate, br" };

test.each(["/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/v1/openapi.json", CANDLES])(
  "%s is compressed if the client accepts that, with a different ETag",
  async (path) => {
    const plain = await get(path);
    expect([plain.status, plain.headers["content-encoding"]]).toEqual([200, undefined]);
    for (let times = 0; times < 2; times++) {
      const small = await get(path, GZIP);
      expect(small.headers["content-encoding"]).toBe("gzip");
      expect(gunzipSync(small.body).equals(plain.body)).toBe(true);
      expect(small.body.length).toBeLessThan(plain.body.length / 2);
      expect(small.headers.etag).toBe(String(plain.headers.etag).replace(/"$/, '-gzip"'));
    }
    for (const { headers } of [plain, await get(path, GZIP)]) expect(headers.vary).toBe("Origin, Accept-Encoding");
    const head = await get(path, GZIP, "HEAD");
    expect([head.status, head.headers["content-encoding"], head.body.length]).toEqual([200, "gzip", 0]);
  },
);

test("an ETag matches only the compressed or uncompressed answer that it came with", async () => {
  const [plain, small] = [await get(CANDLES), await get(CANDLES, GZIP)];
  const [tag, smallTag] = [String(plain.headers.etag), String(small.headers.etag)];
  const ask = async (etag: string, headers = {}) => get(CANDLES, { "If-None-Match": etag, ...headers });
  expect((await ask(tag)).status).toBe(304);
  expect((await ask(smallTag)).status).toBe(200);
  expect((await ask(tag, GZIP)).status).toBe(200);
  const unchanged = await ask(`W/${smallTag}`, GZIP);
  expect([unchanged.status, unchanged.headers.etag, unchanged.headers.vary]).toEqual([
    304,
    smallTag,
    "Origin, Accept-Encoding",
  ]);
  expect(unchanged.headers["content-encoding"]).toBeUndefined();
});

test("short or already compressed bodies are not compressed", async () => {
  for (const path of ["/v1/twap?pair=XLM/USD&window=1h", "/docs/favicon-32x32.png", "/v1/nothing"]) {
    const { headers } = await get(path, GZIP);
    expect([path, headers["content-encoding"], headers.vary]).toEqual([path, undefined, "Origin"]);
  }
});

test.each<[header: string | undefined, accepts: boolean]>([
  [undefined, false],
  ["", false],
  ["gzip", true],
  ["GZIP;Q=0.5", true],
  ["br, gzip ; q=0.001", true],
  ["gzip;q=0", false],
  ["gzip;q=0, *", false],
  ["*", true],
  ["*;q=0", false],
  ["identity", false],
  ["gzip;q=x", false],
  ["notgzip", false],
])("Accept-Encoding %j: %s", (header, accepts) => {
  expect(acceptsGzip(header)).toBe(accepts);
});
