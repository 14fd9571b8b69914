import { subscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parsePair } from "../../canonical/pair.ts";
import type { TestDatabase } from "../../storage/database.testing.ts";
import { trade } from "../../storage/trades.testing.ts";
import { writeTrades } from "../../storage/trades.ts";
import { openApiDatabase } from "../v1/api.testing.ts";
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

/** Sends a text a byte at a time, until that is over or the other side has had enough. */
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

test("who sends a request a byte at a time is answered 408, be it the headers or a body", async () => {
  const long = `X-Long: ${"x".repeat(1_000)}\r\n`;
  expect(await dribble(REQUEST.replace("\r\n\r\n", `\r\n${long}\r\n`))).toMatch(/^HTTP\/1\.1 408 /);
  // Answered without waiting for the body; that is given up then.
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

test("who asks again and again and never reads is disconnected, and others are answered meanwhile", async () => {
  const path = "/v1/ohlc?pair=XLM/USD&interval=1m&from=2026-01-09T00:00:00Z&to=2026-01-10T00:00:00Z&limit=1000";
  const served = new Promise<Socket>((resolve) => {
    subscribe("net.server.socket", (message) => resolve((message as { socket: Socket }).socket));
  });
  const socket = await sendRaw(api.port, "");
  const closed = once(await served, "close");
  // Nothing takes in what arrives; far more than the system keeps for it.
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(200));
  expect((await fetch(`${api.url}/v1/sources`)).status).toBe(200);
  await closed;
  socket.destroy();
  expect((await fetch(`${api.url}/v1/sources`)).status).toBe(200);
}, 30_000);

test("a connection that never asks is closed", async () => {
  const socket = await sendRaw(api.port, "");
  expect(await readToEnd(socket)).toMatch(/^(?:$|HTTP\/1\.1 408 )/);
}, 30_000);
