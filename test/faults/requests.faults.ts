import { Agent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { count } from "./figures.ts";
import { expectRecovered, expectUp, nowMicros } from "./recovery.ts";
import { canMakeWorld, DATABASE_PASSWORD, makeWorld, type World } from "./world.ts";

const REQUESTS = 9_500;
const RAW_REQUESTS = 500;
const AT_ONCE = 25;
/** Texts that no answer may contain: SQL and its errors, stack traces, paths, secrets. */
const FORBIDDEN_TEXTS = [
  /syntax error at or near|relation "|SELECT .* FROM|pg_catalog|trades_1[mh]|SQLSTATE/,
  /^\s+at /m,
  /node_modules|node:internal|\.js:\d+|\.ts:\d+/,
  /postgres:\/\/|redis:\/\//,
  new RegExp(DATABASE_PASSWORD),
];

interface Question {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface OpenApi {
  readonly paths: Record<
    string,
    { get?: { parameters?: { name: string; in: string; schema?: { enum?: string[] } }[] } }
  >;
}

describe.skipIf(!canMakeWorld("malformed requests"))("malformed requests", () => {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  let world: World;
  let base: URL;
  let document: OpenApi;
  beforeAll(async () => {
    world = await makeWorld({});
    base = new URL(world.api?.base ?? "");
    document = (await (await fetch(new URL("/v1/openapi.json", base))).json()) as OpenApi;
  });
  afterAll(async () => {
    agent.destroy();
    await world?.end();
  });

  it("for every path and parameter are answered with a client error", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(questionFor(document), { minLength: AT_ONCE, maxLength: AT_ONCE }),
        async (questions) => {
          const replies = await Promise.all(questions.map((question) => ask(question)));
          for (const [index, reply] of replies.entries()) {
            count("requests");
            count(`requests ${reply.status}`);
            expectDecent(reply, questions[index]);
          }
        },
      ),
      { numRuns: REQUESTS / AT_ONCE, seed: 20_261_121, endOnFailure: true },
    );
    expectUp(world);
  });

  it("that are not HTTP are refused or dropped", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(rawBytes, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (all) => {
        for (const text of await Promise.all(all.map(send))) {
          count("requests");
          count("rawRequests");
          const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? "dropped";
          count(`requests ${status}`);
          expect(status).toMatch(/^([234]\d\d|dropped)$/);
          for (const forbidden of FORBIDDEN_TEXTS) expect(text).not.toMatch(forbidden);
        }
      }),
      { numRuns: RAW_REQUESTS / AT_ONCE, seed: 20_261_122, endOnFailure: true },
    );
    expectUp(world);
  });

  it("leave the API working correctly", () => expectRecovered(world, nowMicros()));

  function ask(question: Question, isAgain = false): Promise<Reply> {
    const { method, path, headers, body } = question;
    return new Promise((resolve, reject) => {
      const options = { host: base.hostname, port: base.port, agent, method, path, headers };
      const sent = httpRequest(options, (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(pieces).toString(),
          }),
        );
      });
      sent.on("error", (error) => {
        // The server may have closed a keep-alive connection at this moment.
        if (sent.reusedSocket && !isAgain) resolve(ask(question, true));
        else reject(new Error(`${method} ${path.slice(0, 200)}: ${error.message}`));
      });
      sent.end(body);
    });
  }

  async function send(bytes: Uint8Array): Promise<string> {
    const socket = connect(Number(base.port), base.hostname);
    const pieces: Buffer[] = [];
    socket.on("data", (piece) => pieces.push(piece));
    socket.on("error", () => {});
    socket.setTimeout(SILENCE_MS, () => socket.destroy());
    // A reset also ends the connection.
    await new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      socket.end(bytes);
    });
    return Buffer.concat(pieces).toString("latin1");
  }
});

/** The server waits for the rest of a partial request; the test does not. */
const SILENCE_MS = 2_000;

function expectDecent({ status, headers, body }: Reply, question: Question | undefined): void {
  const what = JSON.stringify(question).slice(0, 500);
  expect(status < 500 || status === 503, `${status} for ${what}`).toBe(true);
  if (status === 503) expect(Number(headers["retry-after"]), what).toBeGreaterThan(0);
  for (const forbidden of FORBIDDEN_TEXTS) expect(body, what).not.toMatch(forbidden);
  const isProblem = status >= 400 && status !== 431 && body !== "";
  if (isProblem) expect(headers["content-type"], what).toBe("application/problem+json");
}

const text = fc.oneof(
  fc.constantFrom(
    "XLM/USD",
    "BTC/USD",
    "crypto:XLM/fiat:USD",
    "XLM/XLM",
    "/",
    "native/fiat:USD",
    "5m",
    "1h30m",
    "-5m",
    "744h",
    "999999999999h",
    "0",
    "-1",
    "1e308",
    "NaN",
    "2026-08-09T22:30:00Z",
    "9999-12-31T23:59:59Z",
    "10000-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "2026-02-30T00:00:00Z",
    "'; DROP TABLE x; --",
    '" OR 1=1',
    "../../etc/passwd",
    "\u0000",
    "\ud83d\ude80",
    "[object Object]",
    "__proto__",
    "true",
  ),
  fc.string({ unit: "binary", maxLength: 50 }),
  fc.string({ unit: "grapheme", maxLength: 3_000 }),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.integer().map(String),
  fc.bigInt().map(String),
);

/** Encodes a text correctly or almost correctly. */
const encoded = fc.oneof(
  { weight: 5, arbitrary: text.map((value) => encodeURIComponent(value)) },
  { weight: 1, arbitrary: fc.constantFrom("%", "%zz", "%C0%80", "%ff%fe", "%00", "+", "a=b", "&&", "%2525", ";") },
);

const HEADERS = {
  "If-None-Match": fc.constantFrom("*", '""', 'W/"x"', ",,,", '"'.repeat(2_000)),
  Accept: fc.constantFrom("text/html", "*/*;q=2", ",", "application/xml"),
  "Accept-Encoding": fc.constantFrom("gzip, br", "identity;q=0", "*;q=0", "zstd"),
  "Content-Type": fc.constantFrom("application/json", "multipart/form-data; boundary=", "x"),
  "X-Forwarded-For": fc.constantFrom("127.0.0.1", "::", "1.2.3.4, 5.6.7.8", "'; --", ",".repeat(1_000)),
  Authorization: fc.constantFrom("Bearer", "Bearer x", "Basic %%%", `Bearer ${"x".repeat(5_000)}`),
  Origin: fc.constantFrom("null", "https://example.org", "file://", "x"),
  Range: fc.constantFrom("bytes=0-1", "bytes=-1", "x"),
  Host: fc.constantFrom("example.org", "[::1", "a b", "x".repeat(300)),
  Cookie: fc.constantFrom("a=b", "=".repeat(3_000)),
} as const;

const METHODS = ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND", "QUERY"];

/** Requests for the document's paths, most of them malformed, some valid by chance. */
function questionFor({ paths }: OpenApi): fc.Arbitrary<Question> {
  const known = Object.entries(paths).map(([path, { get }]) => {
    const names = (get?.parameters ?? []).filter((parameter) => parameter.in === "query").map(({ name }) => name);
    return { path, names };
  });
  const path = fc.constantFrom(...known).chain(({ path: at, names }) => {
    const name = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...names, "pair") },
      { weight: 1, arbitrary: encoded },
    );
    const query = fc.array(fc.tuple(name, encoded), { maxLength: 6 });
    const likely = fc.constantFrom("", "pair=XLM/USD", "pair=XLM/USD&window=1m", "base=XLM&quote=USD");
    const place = fc.oneof(
      { weight: 8, arbitrary: fc.constant(at) },
      { weight: 1, arbitrary: encoded.map((end) => `${at}/${end}`) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          `/${at}`,
          at.toUpperCase(),
          `${at}%00`,
          "/",
          "//",
          "/v2/vwap",
          "/metrics",
          "/readyz",
        ),
      },
    );
    return fc.tuple(place, likely, query).map(([where, start, pairs]) => {
      const rest = pairs.map(([key, value]) => `${key}=${value}`);
      return `${where}?${[start, ...rest].filter((part) => part !== "").join("&")}`;
    });
  });
  const headers = fc.oneof(
    { weight: 2, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.record(HEADERS, { requiredKeys: [] }) },
  );
  const method = fc.oneof(
    { weight: 6, arbitrary: fc.constant("GET") },
    { weight: 1, arbitrary: fc.constantFrom(...METHODS) },
  );
  return fc
    .record({ method, path, headers, body: fc.constant("") })
    .chain((question) =>
      ["GET", "HEAD", "TRACE", "OPTIONS"].includes(question.method)
        ? fc.constant(question as Question)
        : fc.string({ maxLength: 200 }).map((body): Question => ({ ...question, body })),
    );
}

const rawBytes = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 300 }),
  fc
    .constantFrom(
      "GET /v1/vwap HTTP/9.9\r\n\r\n",
      "GET /v1/vwap\r\n\r\n",
      "FROB /v1/vwap HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /v1/vwap HTTP/1.1\r\n\r\n",
      "GET /v1/vwap HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
      "GET http://[::1/v1/vwap HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET //[ HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
      "CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999999999999\r\n\r\n",
      "POST /v1/vwap HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET / HTTP/1.1\nHost: x\n\n",
      "\r\n\r\n\r\n",
      `GET /?${"x".repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
      `GET / HTTP/1.1\r\nHost: x\r\n${"A: b\r\n".repeat(5_000)}\r\n`,
      "GET / HTTP/1.1\r\nHost: \u0000\r\n\r\n",
      `${"GET /v1/sources HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50)}`,
    )
    .chain((start) =>
      fc.record({ place: fc.nat(), bytes: fc.uint8Array({ maxLength: 3 }) }).map(({ place, bytes }) => {
        const whole = Buffer.from(start, "latin1");
        const at = place % (whole.length + 1);
        return Buffer.concat([whole.subarray(0, at), bytes, whole.subarray(at)]);
      }),
    ),
);
