import { once } from "node:events";
import { connect } from "node:net";
import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { opsApp, type Readiness } from "../daemon/ops-app.ts";
import { listen } from "./server.ts";

const circuits = () => ({ database: "closed", redis: "open" }) as const;
const away = () => Promise.reject(new Error("away"));
const well = async () => null;

/** Returns the status and the body of `/readyz`. */
async function readiness(checks: Readiness["checks"], oneOf?: readonly string[]) {
  const answer = await opsApp(new Registry(), { checks, circuits, ...(oneOf ? { oneOf } : {}) }).request("/readyz");
  const { status, checks: results } = (await answer.json()) as { status: string; checks: Record<string, string> };
  return [answer.status, status, results];
}

it("serves liveness, and readiness with the reason", async () => {
  let problem: string | null = null;
  const app = opsApp(new Registry(), { checks: { database: async () => problem, redis: away }, circuits });
  expect((await app.request("/healthz")).status).toBe(200);
  const broken = await app.request("/readyz");
  expect([broken.status, await broken.json()]).toEqual([
    503,
    {
      status: "unavailable",
      checks: { database: "ok", redis: "away" },
      circuits: { database: "closed", redis: "open" },
    },
  ]);
  const check = async () => problem;
  expect(await readiness({ database: check })).toEqual([200, "ok", { database: "ok" }]);
  problem = "gone";
  expect(await readiness({ database: check })).toEqual([503, "unavailable", { database: "gone" }]);
});

it("is ready but degraded while one of two alternative dependencies answers", async () => {
  const oneOf = ["database", "redis"];
  expect((await readiness({ database: away, redis: well }, oneOf)).slice(0, 2)).toEqual([200, "degraded"]);
  expect((await readiness({ database: well, redis: away }, oneOf)).slice(0, 2)).toEqual([200, "degraded"]);
  expect((await readiness({ database: away, redis: away }, oneOf)).slice(0, 2)).toEqual([503, "unavailable"]);
  expect((await readiness({ database: well, redis: well, tick: away }, oneOf)).slice(0, 2)).toEqual([
    503,
    "unavailable",
  ]);
});

it("listens on a port of the system's choice, reports a port in use, and closes", async () => {
  const app = opsApp(new Registry(), { checks: {}, circuits });
  const first = await listen(app, { host: "127.0.0.1", port: 0 });
  const address = { host: "127.0.0.1", port: first.port };
  expect((await fetch(`http://127.0.0.1:${first.port}/healthz`)).status).toBe(200);
  await expect(listen(app, address)).rejects.toThrow(`127.0.0.1:${first.port} is already in use`);
  for (const [key, cure] of [
    ["api.ops_listen", "ops_listen in [api], or with STELLARINDEX_API_OPS_LISTEN"],
    ["aggregate.ops_listen", "ops_listen in [aggregate], or with STELLARINDEX_AGGREGATE_OPS_LISTEN"],
  ] as const) {
    await expect(listen(app, { ...address, key })).rejects.toThrow(`set another one with ${cure}`);
  }
  await first.close();
  await (await listen(app, address)).close();
});

it("answers health checks of HTTP/1.0, which lack a Host header", async () => {
  const listening = await listen(opsApp(new Registry(), { checks: {}, circuits }), { host: "127.0.0.1", port: 0 });
  for (const path of ["/healthz", "/readyz", "/metrics"]) {
    const socket = connect(listening.port, "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk)).write(`GET ${path} HTTP/1.0\r\n\r\n`);
    await once(socket, "close");
    expect([path, Buffer.concat(chunks).toString()]).toEqual([path, expect.stringMatching(/^HTTP\/1\.1 200 /)]);
  }
  await listening.close();
});

it("answers requests that Node.js itself would refuse in order too", async () => {
  const begun: string[] = [];
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const fetch = async ({ url }: Request): Promise<Response> => {
    begun.push(new URL(url).pathname);
    await released;
    return new Response("answered");
  };
  const answerError = (): Response => new Response("none that can be read", { status: 400 });
  const listening = await listen({ fetch, answerError }, { host: "127.0.0.1", port: 0 });
  const socket = connect(listening.port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  const expecting = "GET /expecting HTTP/1.1\r\nHost: x\r\nExpect: nothing\r\n\r\n";
  const hostless = "GET /hostless HTTP/1.1\r\nConnection: close\r\n\r\n";
  const closed = once(socket, "close");
  socket.write(`GET /first HTTP/1.1\r\nHost: x\r\n\r\n${expecting}${hostless}`);
  await expect.poll(() => begun).toEqual(["/first"]);
  // This is answered on another connection after all of it was read.
  const other = globalThis.fetch(`http://127.0.0.1:${listening.port}/other`);
  await expect.poll(() => begun).toEqual(["/first", "/other"]);
  release();
  await Promise.all([other, closed]);
  expect(begun).toEqual(["/first", "/other", "/expecting"]);
  expect(
    Buffer.concat(chunks)
      .toString()
      .match(/ \d{3} .*|answered|none that can be read/g)
      ?.map((text) => text.trim()),
  ).toEqual(["200 OK", "answered", "200 OK", "answered", "400 Bad Request", "none that can be read"]);
  await listening.close();
});

it("closes although a connection never sends anything", async () => {
  const listening = await listen(opsApp(new Registry(), { checks: {}, circuits }), { host: "127.0.0.1", port: 0 });
  const silent = connect(listening.port, "127.0.0.1");
  await once(silent, "connect");
  const closed = once(silent, "close");
  silent.on("error", () => {});
  await listening.close();
  await closed;
});
