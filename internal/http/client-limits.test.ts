import { describe, expect, it } from "vitest";
import type { HttpClientOptions } from "./client.ts";
import { fine, type Handler, NEVER, quickHttp, serve, silent, status } from "./local-server.testing.ts";

describe("a request that may not be sent twice", () => {
  it.each<[method: string, isIdempotent: boolean | undefined, attempts: number]>([
    ["POST", undefined, 1],
    ["PATCH", undefined, 1],
    ["POST", true, 3],
    ["GET", false, 1],
    ["put", undefined, 3],
    ["DELETE", undefined, 3],
  ])("%s, idempotent: %s, is tried %i times", async (method, isIdempotent, attempts) => {
    const server = await serve(status(500));
    const parts = { method, ...(isIdempotent === undefined ? {} : { isIdempotent }) };
    await expect(quickHttp()(new URL(server.url), parts, NEVER)).rejects.toMatchObject({ status: 500 });
    expect(server.received.length).toBe(attempts);
  });
});

describe("the time of a request as a whole", () => {
  it.each<[string, Handler, Partial<HttpClientOptions>]>([
    ["an answer", silent, {}],
    ["a retry", status(500), { backoffMs: 60_000 }],
    ["the wait that the host asks for", status(429, { "retry-after": "9" }), {}],
    ["the limit of a minute", status(500), { requestsPerMinute: 1 }],
  ])("ends while it waits for %s", async (_name, handler, options) => {
    const server = await serve(handler);
    const request = quickHttp({ timeoutMs: 60_000, totalTimeoutMs: 300, ...options });
    await expect(request(new URL(server.url), {}, NEVER)).rejects.toMatchObject({
      kind: "timeout",
      message: expect.stringContaining("did not succeed within 300 ms"),
    });
    expect(server.received.length).toBe(1);
    await server.rests();
  });
});

describe("the limit of requests at once", () => {
  it("lets the others of a host wait for their turn, and those of other hosts go on", async () => {
    const waiting: (() => void)[] = [];
    const held: Handler = (_request, response) => waiting.push(() => response.end("fine"));
    const [busy, other] = [await serve(held), await serve(fine)];
    const request = quickHttp({ maxConcurrent: 2 });
    const asked = Array.from({ length: 5 }, () => request(new URL(busy.url), {}, NEVER));
    await busy.receives(2);
    expect(await request(new URL(other.url), {}, NEVER)).toBe("fine");
    for (const count of [2, 4, 5]) {
      await busy.receives(count);
      expect(busy.received.length).toBe(count);
      for (const answer of waiting.splice(0)) answer();
    }
    expect(await Promise.all(asked)).toEqual(Array(5).fill("fine"));
  });

  it("is left by who does not wait any longer", async () => {
    const waiting: (() => void)[] = [];
    const server = await serve((_request, response) => waiting.push(() => response.end("fine")));
    const request = quickHttp({ maxConcurrent: 1 });
    const first = request(new URL(server.url), {}, NEVER);
    await server.receives(1);
    const leaving = new AbortController();
    const asked = request(new URL(server.url), {}, leaving.signal);
    leaving.abort();
    await expect(asked).rejects.toMatchObject({ kind: "aborted" });
    const last = request(new URL(server.url), {}, NEVER);
    for (const answer of waiting.splice(0)) answer();
    expect(await first).toBe("fine");
    await server.receives(2);
    for (const answer of waiting.splice(0)) answer();
    expect(await last).toBe("fine");
    expect(server.received.length).toBe(2);
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
    await expect(asked).rejects.toThrow("was aborted");
    expect(busy.received.length).toBe(2);
  });
});
