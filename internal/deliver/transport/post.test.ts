import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { fine, type Handler, serve, silent } from "../../http/local-server.testing.ts";
import { systemClock } from "../../lib/clock.ts";
import { eventOf, NEVER, send, settingsOf } from "../deliver.testing.ts";
import { makeSender } from "../make-sender.ts";

const huge: Handler = (_request, response) => {
  response.writeHead(500);
  const more = (): void => {
    while (!response.destroyed && response.write("x".repeat(16_384)));
    if (!response.destroyed) response.once("drain", more);
  };
  more();
};
const cut: Handler = (_request, response) => {
  response.writeHead(200, { "content-length": "100" }).write("half");
  setImmediate(() => response.destroy());
};
const halfAndSilent: Handler = (_request, response) => void response.writeHead(200).write("half");

/** A server whose connections are counted. */
async function counted(listener: RequestListener) {
  const server = createServer(listener);
  const connections = { count: 0 };
  server.on("connection", () => connections.count++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections };
}

describe("an attempt fails", () => {
  it.each<[string, Handler, string, number | null]>([
    ["silence", silent, "timeout", null],
    ["a closed connection", (_request, response) => response.destroy(), "connection_lost", null],
    ["a body without end", huge, "http_status", 500],
  ])("at %s", async (_name, handler, reason, status) => {
    const server = await serve(handler);
    const settings = { ...settingsOf("webhook", server.url), timeout: 0.2 };
    expect(await send(settings)).toMatchObject({ outcome: "retry", reason, status });
    await server.rests();
  });

  it.each<[string, Handler, string]>([
    ["cut short", cut, "connection_lost"],
    ["never ends", halfAndSilent, "timeout"],
    ["is too large", (_request, response) => response.end("x".repeat(70_000)), "response_too_large"],
  ])("when an answer that matters %s; a webhook's does not", async (_name, handler, reason) => {
    const server = await serve(handler);
    const graphql = { ...settingsOf("graphql", server.url, 'query = "mutation { a }"'), timeout: 0.2 };
    expect(await send(graphql)).toMatchObject({ outcome: "retry", reason, status: 200 });
    expect(await send({ ...settingsOf("webhook", server.url), timeout: 0.2 })).toMatchObject({ outcome: "delivered" });
  });

  it("where nobody listens, or no HTTP is spoken", async () => {
    const server = createTcpServer((socket) => socket.resume().end("hello\r\n\r\n"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const settings = settingsOf("webhook", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(await send(settings)).toMatchObject({ outcome: "retry", reason: "invalid_response", status: null });
    await new Promise((closed) => server.close(closed));
    expect(await send(settings)).toMatchObject({ outcome: "retry", reason: "connect_failed", status: null });
  });

  it("where the receiver wants to speak another protocol", async () => {
    const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n";
    const server = createTcpServer((socket) => socket.once("data", () => socket.write(switching)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const settings = settingsOf("webhook", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(await send(settings)).toMatchObject({
      ...{ outcome: "retry", reason: "invalid_response" },
      detail: expect.stringContaining("HTTP_101"),
    });
    // Its connection is closed.
    await new Promise((closed) => server.close(closed));
  });

  it("at once when it is given up", async () => {
    const server = await serve(silent);
    const controller = new AbortController();
    const sent = send(settingsOf("webhook", server.url), { signal: controller.signal });
    await server.receives(1);
    controller.abort();
    expect(await sent).toMatchObject({ outcome: "retry", reason: "aborted" });
    expect(await send(settingsOf("webhook", server.url), { signal: controller.signal })).toMatchObject({
      reason: "aborted",
    });
  });
});

describe("connections", () => {
  const senderTo = (url: string, toml = "") =>
    makeSender(settingsOf("webhook", url, toml), { env: {}, now: systemClock.now });

  it("are kept, and no more than allowed at once", async () => {
    const { url, connections } = await counted((_request, response) => response.end("fine"));
    const send = senderTo(url, "concurrency = 2");
    const all = Array.from({ length: 6 }, () => send(eventOf(), 1, NEVER));
    for (const { outcome } of await Promise.all(all)) expect(outcome).toBe("delivered");
    expect(connections.count).toBe(2);
  });

  it("that the receiver closes before it answers are replaced where they had been kept", async () => {
    const used = new WeakSet();
    const { url, connections } = await counted(({ socket }, response) => {
      if (used.has(socket)) socket.destroy();
      else response.end("fine");
      used.add(socket);
    });
    const send = senderTo(url);
    for (let count = 1; count <= 3; count++) {
      expect(await send(eventOf(), 1, NEVER)).toMatchObject({ outcome: "delivered" });
      expect(connections.count).toBe(count);
    }
  });
});

describe("addresses", () => {
  const at = (host: string, port: string) => `http://${host}:${port}`;

  it.each([
    "0x7f000001",
    "2130706433",
    "127.1",
    "017700000001",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
  ])("that stand in the URL as %s are refused", async (host) => {
    const server = await serve(fine);
    const settings = settingsOf("webhook", at(host, new URL(server.url).port), 'allow = ["10.0.0.0/8"]');
    expect(await send(settings)).toMatchObject({ outcome: "retry", reason: "address_refused", status: null });
    expect(server.received).toEqual([]);
  });

  it("of a name are checked when they are connected to, and only those allowed are used", async () => {
    const server = await serve(fine);
    const settings = settingsOf("webhook", at("receiver.test", new URL(server.url).port));
    const to = (...addresses: string[]) => send(settings, { resolve: async () => addresses });
    expect(await to("10.0.0.1", "::1", "127.0.0.1")).toMatchObject({ outcome: "delivered" });
    expect(server.received[0]?.headers.host).toBe(new URL(settings.url).host);
    expect(await to("10.0.0.1", "169.254.169.254")).toMatchObject({
      reason: "address_refused",
      detail: expect.stringMatching(/^receiver\.test has no address that may be connected to \(10\.0\.0\.1, 169/),
    });
    // Not encrypted, only what allow has is used.
    expect(await to("8.8.8.8")).toMatchObject({ reason: "address_refused" });
    expect(
      await send(settings, { resolve: () => Promise.reject(Object.assign(new Error(), { code: "ENOTFOUND" })) }),
    ).toMatchObject({
      reason: "name_not_resolved",
    });
    expect(server.received).toHaveLength(1);
  });
});
