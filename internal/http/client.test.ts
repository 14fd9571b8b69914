import { getEventListeners, once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { HttpClientOptions } from "./client.ts";
import { HttpError } from "./http-error.ts";
import {
  fine,
  type Handler,
  type LocalServer,
  NEVER,
  quickHttp,
  serve,
  silent,
  status,
} from "./local-server.testing.ts";

const SECRET = "s3cr3t-k3y";

/** Sends a request with a key in path and header; checks that errors do not contain the key. */
async function ask(server: Pick<LocalServer, "url">, options: Partial<HttpClientOptions> = {}, signal = NEVER) {
  const url = new URL(`/v2/${SECRET}`, server.url);
  try {
    return await quickHttp(options)(url, { headers: { "x-key": SECRET } }, signal);
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)} ${error.cause}`).not.toContain(SECRET);
    expect(error.message).toContain(url.host);
    return error;
  }
}

/** Uses the handlers in turn, and the last one for all further requests. */
function inTurn(...handlers: Handler[]): Handler {
  return (request, response, index) => (handlers[index] ?? handlers.at(-1) ?? fine)(request, response, index);
}

const hangUp: Handler = (_request, response) => response.destroy();
const trickle: Handler = (_request, response) => {
  const timer = setInterval(() => response.write("."), 5);
  response.once("close", () => clearInterval(timer));
};
const cutShort: Handler = (_request, response) => {
  response.writeHead(200, { "content-length": "100" }).write("half");
  setImmediate(() => response.destroy());
};
const brokenGzip: Handler = (_request, response) => {
  response.writeHead(200, { "content-encoding": "gzip" }).end("this is not gzip");
};

it("sends method, headers and body and returns the text of any content type", async () => {
  const server = await serve((_request, response) => response.writeHead(200, { "content-type": "x/y" }).end("é✓"));
  const init = { method: "POST", headers: { "x-key": SECRET }, body: "[]" };
  expect(await quickHttp()(new URL(`${server.url}/a?b=c`), init, NEVER)).toBe("é✓");
  expect(server.received).toMatchObject([{ method: "POST", headers: { "x-key": SECRET }, body: "[]" }]);
  expect(server.received[0]?.url.href).toMatch(/\/a\?b=c$/);
});

describe("retries after", () => {
  it.each<[string, Handler]>([
    ["408", status(408)],
    ["425", status(425)],
    ["429", status(429)],
    ["500", status(500)],
    ["503 with a date in the past", status(503, { "retry-after": new Date(0).toUTCString() })],
    ["503 with an invalid Retry-After", status(503, { "retry-after": "soon" })],
    ["a closed connection", hangUp],
    ["a truncated body", cutShort],
    ["broken gzip", brokenGzip],
  ])("%s", async (_name, handler) => {
    const server = await serve(inTurn(handler, handler, fine));
    expect(await ask(server)).toBe("fine");
    expect(server.received.length).toBe(3);
  });

  it.each<[string, Handler]>([
    ["silence", silent],
    ["a body without end", trickle],
  ])("%s", async (_name, handler) => {
    const server = await serve(inTurn(handler, fine));
    expect(await ask(server, { timeoutMs: 60 })).toBe("fine");
    expect(server.received.length).toBe(2);
  });

  it("the delay of Retry-After", async () => {
    const server = await serve(inTurn(status(429, { "retry-after": "1" }), fine));
    const began = performance.now();
    expect(await ask(server)).toBe("fine");
    expect(performance.now() - began).toBeGreaterThan(990);
  });
});

describe("gives up", () => {
  it.each<[string, Handler, HttpError["kind"], RegExp]>([
    ["repeated errors", status(502), "status", /answered with HTTP status 502$/],
    ["repeated rate limiting", status(429), "status", /answered with HTTP status 429$/],
    ["repeatedly closed connections", hangUp, "connection", /the connection to .* failed \(UND_ERR_SOCKET\)/],
    ["repeatedly broken gzip", brokenGzip, "malformed", /the connection to .* failed \(Z_DATA_ERROR\)/],
    ["silence", silent, "timeout", /did not answer within 30 ms/],
    ["a body without end", trickle, "timeout", /did not answer within 30 ms/],
  ])("after three attempts: %s", async (_name, handler, kind, message) => {
    const server = await serve(handler);
    expect(await ask(server, { timeoutMs: handler === silent || handler === trickle ? 30 : 2_000 })).toMatchObject({
      kind,
      message: expect.stringMatching(message),
    });
    expect(server.received.length).toBe(3);
    await server.rests();
  });

  it.each([400, 401, 403, 404, 410, 422])("immediately: %i", async (code) => {
    const server = await serve(status(code, { "retry-after": "0" }));
    expect(await ask(server)).toMatchObject({
      kind: "status",
      status: code,
      message: expect.stringContaining(String(code)),
    });
    expect(server.received.length).toBe(1);
  });

  it.each([301, 302, 307, 308])("immediately: %i, without following it", async (code) => {
    const elsewhere = await serve(fine);
    const server = await serve(status(code, { location: `${elsewhere.url}/x` }));
    expect(await ask(server)).toMatchObject({ kind: "status" });
    expect([server.received.length, elsewhere.received.length]).toEqual([1, 0]);
  });

  it.each([
    ["11", /after 11 s$/],
    ["9".repeat(40), / s$/],
    [new Date(Date.now() + 3_600_000).toUTCString(), /after 3[56]\d\d s$/],
  ])("immediately: 429 with Retry-After %s", async (wait, message) => {
    const server = await serve(status(429, { "retry-after": wait }));
    expect(await ask(server)).toMatchObject({
      kind: "status",
      status: 429,
      message: expect.stringMatching(message),
    });
    expect(server.received.length).toBe(1);
  });

  it("immediately: a body that is too long, compressed or not", async () => {
    const flood: Handler = (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(10_000)));
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    };
    const bomb: Handler = (_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(1_000_000)));
    };
    for (const handler of [flood, bomb]) {
      const server = await serve(handler);
      expect(await ask(server, { maxBytes: 50_000 })).toMatchObject({
        kind: "too-large",
        message: expect.stringContaining("more than 50000 bytes"),
      });
      expect(server.received.length).toBe(1);
      await server.rests();
    }
  });

  it("if the server does not speak HTTP, or nothing listens", async () => {
    const babbling = createServer((socket) =>
      socket
        .on("error", () => {})
        .resume()
        .end("SSH-2.0-OpenSSH_9.6\r\n"),
    );
    await once(babbling.listen(0, "127.0.0.1"), "listening");
    const url = `http://127.0.0.1:${(babbling.address() as AddressInfo).port}`;
    expect(await ask({ url })).toMatchObject({
      kind: "malformed",
      message: expect.stringMatching(/failed \(HPE_\w+\)$/),
    });
    await new Promise((closed) => babbling.close(closed));
    expect(await ask({ url })).toMatchObject({
      kind: "connection",
      message: expect.stringMatching(/failed \(ECONNREFUSED\)$/),
    });
  });

  it("if the request is invalid, without showing its content", async () => {
    const init = { headers: { "x-key": `${SECRET}\n€` } };
    const sent = quickHttp({ retries: 0 })(new URL("http://127.0.0.1:1"), init, NEVER);
    await expect(sent).rejects.toThrow("the connection to 127.0.0.1:1 failed (unknown reason)");
  });
});

describe("an abort ends", () => {
  it.each<[string, Handler, Partial<HttpClientOptions>]>([
    ["the wait for an answer", silent, {}],
    ["the wait for the rest of the answer", trickle, {}],
    ["the wait before a retry", status(500), { backoffMs: 60_000 }],
    ["the delay of Retry-After", status(429, { "retry-after": "9" }), {}],
    ["the wait for the limit per minute", status(500), { requestsPerMinute: 1 }],
  ])("%s, and leaves no listener", async (_name, handler, options) => {
    const server = await serve(handler);
    const leaving = new AbortController();
    const asked = ask(server, { timeoutMs: 60_000, ...options }, leaving.signal);
    await server.receives(1);
    // It cannot be observed from outside that the answer has arrived and the next wait has begun.
    if (handler !== silent) await sleep(20);
    const began = performance.now();
    leaving.abort(new Error(SECRET));
    expect(await asked).toMatchObject({ kind: "aborted" });
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(server.received.length).toBe(1);
    expect(getEventListeners(leaving.signal, "abort")).toEqual([]);
  });

  it("a request that has not started", async () => {
    const server = await serve(fine);
    expect(await ask(server, {}, AbortSignal.abort())).toMatchObject({ kind: "aborted" });
    expect(server.received.length).toBe(0);
  });
});

it("nothing after an answer, which leaves no listener", async () => {
  const { signal } = new AbortController();
  const server = await serve(inTurn(status(500), fine));
  expect(await ask(server, {}, signal)).toBe("fine");
  expect(getEventListeners(signal, "abort")).toEqual([]);
});
