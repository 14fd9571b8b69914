import { getEventListeners, once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { HttpOptions } from "./http.ts";
import { type Handler, type LocalServer, NEVER, quickHttp, serve } from "./local-server.testing.ts";
import { NoQuote } from "./reference.ts";

const SECRET = "s3cr3t-k3y";

/** Asks the server with a key in path and header; what is thrown is checked for the key. */
async function ask(server: Pick<LocalServer, "url">, options: Partial<HttpOptions> = {}, signal = NEVER) {
  const url = new URL(`/v2/${SECRET}`, server.url);
  try {
    return await quickHttp(options)(url, { headers: { "x-key": SECRET } }, signal);
  } catch (error) {
    if (!(error instanceof NoQuote)) throw error;
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)} ${error.cause}`).not.toContain(SECRET);
    expect(error.message).toContain(url.host);
    return error;
  }
}

const fine: Handler = (_request, response) => response.end("fine");

/** The handlers in turn, the last one for ever. */
function inTurn(...handlers: Handler[]): Handler {
  return (request, response, index) => (handlers[index] ?? handlers.at(-1) ?? fine)(request, response, index);
}

function status(code: number, headers: Record<string, string> = {}): Handler {
  return (_request, response) => response.writeHead(code, headers).end("no");
}

const silent: Handler = () => {};
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

it("sends what it is given and returns the text, of whatever type", async () => {
  const server = await serve((_request, response) => response.writeHead(200, { "content-type": "x/y" }).end("é✓"));
  const init = { method: "POST", headers: { "x-key": SECRET }, body: "[]" };
  expect(await quickHttp()(new URL(`${server.url}/a?b=c`), init, NEVER)).toBe("é✓");
  expect(server.received).toMatchObject([{ method: "POST", headers: { "x-key": SECRET }, body: "[]" }]);
  expect(server.received[0]?.url.href).toMatch(/\/a\?b=c$/);
});

describe("tries again after", () => {
  it.each<[string, Handler]>([
    ["408", status(408)],
    ["425", status(425)],
    ["429", status(429)],
    ["500", status(500)],
    ["503 with a date that is over", status(503, { "retry-after": new Date(0).toUTCString() })],
    ["503 with a wait that is none", status(503, { "retry-after": "soon" })],
    ["a closed connection", hangUp],
    ["a body cut short", cutShort],
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

  it("the wait that a rate limit asks for", async () => {
    const server = await serve(inTurn(status(429, { "retry-after": "1" }), fine));
    const began = performance.now();
    expect(await ask(server)).toBe("fine");
    expect(performance.now() - began).toBeGreaterThan(990);
  });
});

describe("gives up", () => {
  it.each<[string, Handler, RegExp]>([
    ["an error for ever", status(502), /answered with HTTP status 502$/],
    ["a rate limit for ever", status(429), /answered with HTTP status 429$/],
    ["hanging up for ever", hangUp, /the connection to .* failed \(UND_ERR_SOCKET\)/],
    ["silence", silent, /did not answer within 30 ms/],
    ["a body without end", trickle, /did not answer within 30 ms/],
  ])("after three attempts: %s", async (_name, handler, message) => {
    const server = await serve(handler);
    expect(await ask(server, { timeoutMs: handler === silent || handler === trickle ? 30 : 2_000 })).toMatchObject({
      failure: "unreachable",
      message: expect.stringMatching(message),
    });
    expect(server.received.length).toBe(3);
    await server.rests();
  });

  it.each([400, 401, 403, 404, 410, 422])("at once: %i", async (code) => {
    const server = await serve(status(code, { "retry-after": "0" }));
    expect(await ask(server)).toMatchObject({ failure: "unreachable", message: expect.stringContaining(String(code)) });
    expect(server.received.length).toBe(1);
  });

  it.each([301, 302, 307, 308])("at once: %i, without going there", async (code) => {
    const elsewhere = await serve(fine);
    const server = await serve(status(code, { location: `${elsewhere.url}/x` }));
    expect(await ask(server)).toMatchObject({ failure: "unreachable" });
    expect([server.received.length, elsewhere.received.length]).toEqual([1, 0]);
  });

  it.each([
    ["11", /for 11 s$/],
    ["9".repeat(40), / s$/],
    [new Date(Date.now() + 3_600_000).toUTCString(), /for 3[56]\d\d s$/],
  ])("at once: 429 with Retry-After %s", async (wait, message) => {
    const server = await serve(status(429, { "retry-after": wait }));
    expect(await ask(server)).toMatchObject({
      failure: "unreachable",
      message: expect.stringMatching(message),
    });
    expect(server.received.length).toBe(1);
  });

  it("at once: a body that is too long, packed or not", async () => {
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
        failure: "unreadable",
        message: expect.stringContaining("more than 50000 bytes"),
      });
      expect(server.received.length).toBe(1);
      await server.rests();
    }
  });

  it("where what listens speaks no HTTP, or nobody listens", async () => {
    const babbling = createServer((socket) =>
      socket
        .on("error", () => {})
        .resume()
        .end("SSH-2.0-OpenSSH_9.6\r\n"),
    );
    await once(babbling.listen(0, "127.0.0.1"), "listening");
    const url = `http://127.0.0.1:${(babbling.address() as AddressInfo).port}`;
    expect(await ask({ url })).toMatchObject({ message: expect.stringMatching(/failed \(HPE_\w+\)$/) });
    await new Promise((closed) => babbling.close(closed));
    expect(await ask({ url })).toMatchObject({ message: expect.stringMatching(/failed \(ECONNREFUSED\)$/) });
  });

  it("where the request cannot be made, without showing what was in it", async () => {
    const init = { headers: { "x-key": `${SECRET}\n€` } };
    const sent = quickHttp({ retries: 0 })(new URL("http://127.0.0.1:1"), init, NEVER);
    await expect(sent).rejects.toThrow("the connection to 127.0.0.1:1 failed (for no known reason)");
  });
});

describe("the limit of a minute", () => {
  it("counts every attempt, for each host by itself", async () => {
    const [busy, other] = [await serve(status(500)), await serve(fine)];
    const request = quickHttp({ requestsPerMinute: 2 });
    const leaving = new AbortController();
    const asked = request(new URL(busy.url), {}, leaving.signal);
    await busy.receives(2);
    expect(await request(new URL(other.url), {}, NEVER)).toBe("fine");
    leaving.abort();
    await expect(asked).rejects.toThrow("was not waited for any longer");
    expect(busy.received.length).toBe(2);
  });
});

describe("an abort ends", () => {
  it.each<[string, Handler, Partial<HttpOptions>]>([
    ["the wait for an answer", silent, {}],
    ["the wait for the rest of it", trickle, {}],
    ["the wait before a retry", status(500), { backoffMs: 60_000 }],
    ["the wait that a rate limit asks for", status(429, { "retry-after": "9" }), {}],
    ["the wait for the limit of a minute", status(500), { requestsPerMinute: 1 }],
  ])("%s, and leaves no listener", async (_name, handler, options) => {
    const server = await serve(handler);
    const leaving = new AbortController();
    const asked = ask(server, { timeoutMs: 60_000, ...options }, leaving.signal);
    await server.receives(1);
    // Nothing shows from outside that the answer has arrived and the next wait has begun.
    if (handler !== silent) await sleep(20);
    const began = performance.now();
    leaving.abort(new Error(SECRET));
    expect(await asked).toMatchObject({ failure: "unreachable" });
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(server.received.length).toBe(1);
    expect(getEventListeners(leaving.signal, "abort")).toEqual([]);
  });

  it("what has not begun", async () => {
    const server = await serve(fine);
    expect(await ask(server, {}, AbortSignal.abort())).toMatchObject({ failure: "unreachable" });
    expect(server.received.length).toBe(0);
  });
});

it("leaves no listener after an answer", async () => {
  const { signal } = new AbortController();
  const server = await serve(inTurn(status(500), fine));
  expect(await ask(server, {}, signal)).toBe("fine");
  expect(getEventListeners(signal, "abort")).toEqual([]);
});
