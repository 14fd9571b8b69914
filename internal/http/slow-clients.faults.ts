import { subscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openApiDatabase } from "../api/v1/api.testing.ts";
import { parsePair } from "../canonical/pair.ts";
import type { TestDatabase } from "../storage/connection/database.testing.ts";
import { trade } from "../storage/trades/trades.testing.ts";
import { writeTrades } from "../storage/trades/trades.ts";
import { readToEnd, type ServedTestApi, sendRaw, serveTestApi } from "./served.testing.ts";

const REQUEST = "GET /v1/sources HTTP/1.1\r\nHost: x\r\n\r\n";

let database: TestDatabase;
let api: ServedTestApi;
beforeAll(async () => {
  database = await openApiDatabase();
  const minutes = Array.from({ length: 1_000 }, (_, minute) => {
    const time = new Date(Date.UTC(2026, 0, 9) + minute * 60_000).toISOString();
    return trade(parsePair("XLM/USD"), time, { base: "10", quote: "5" });
  });
  await writeTrades(database, minutes);
  api = await serveTestApi({ database, requestTimeoutSeconds: 1 });
  api.at("2026-01-10T12:00:10Z");
});
afterAll(async () => {
  await api.close();
  await database.drop();
});

/** Sends a text byte by byte, until it is sent or the peer closes the connection. */
async function dribble(text: string): Promise<string> {
  const socket = await sendRaw(api.port, "");
  const answer = readToEnd(socket);
  let sent = 0;
  const timer = setInterval(() => {
    if (sent < text.length && socket.writable) socket.write(text[sent++] ?? "");
  }, 100);
  try {
    return await answer;
  } finally {
    clearInterval(timer);
    expect(sent).toBeLessThan(text.length);
  }
}

test("a client that sends headers or a body byte by byte is answered 408", async () => {
  const long = `X-Long: ${"x".repeat(1_000)}\r\n`;
  expect(await dribble(REQUEST.replace("\r\n\r\n", `\r\n${long}\r\n`))).toMatch(/^HTTP\/1\.1 408 /);
  // The answer does not wait for the body, which is discarded.
  for (const [method, status] of [
    ["POST", 405],
    ["GET", 200],
  ]) {
    const head = `${method} /v1/sources HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n`;
    const socket = await sendRaw(api.port, head);
    const timer = setInterval(() => socket.write("x"), 100);
    expect(await readToEnd(socket)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    clearInterval(timer);
  }
}, 30_000);

test("a client that sends requests without reading answers is disconnected, and others are answered meanwhile", async () => {
  const path = "/v1/ohlc?pair=XLM/USD&interval=1m&from=2026-01-09T00:00:00Z&to=2026-01-10T00:00:00Z&limit=1000";
  const served = new Promise<Socket>((resolve) => {
    subscribe("net.server.socket", (message) => resolve((message as { socket: Socket }).socket));
  });
  const socket = await sendRaw(api.port, "");
  const closed = once(await served, "close");
  // Nothing reads the answers, which are far larger than the system's buffers.
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(200));
  expect((await fetch(`${api.url}/v1/sources`)).status).toBe(200);
  await closed;
  socket.destroy();
  expect((await fetch(`${api.url}/v1/sources`)).status).toBe(200);
}, 30_000);

test("a connection without a request is closed", async () => {
  const socket = await sendRaw(api.port, "");
  expect(await readToEnd(socket)).toMatch(/^(?:$|HTTP\/1\.1 408 )/);
}, 30_000);
