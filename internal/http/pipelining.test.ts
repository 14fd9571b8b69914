import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { serializePipelined } from "./pipelining.ts";

let server: Server;
let socket: Socket;
/** The requests that have arrived, started or not. */
let arrived: number;
let paths: string[];
/** The request that is being answered. */
let answering: ServerResponse;
let received: string;

beforeEach(async () => {
  [arrived, paths, received] = [0, [], ""];
  server = createServer(
    serializePipelined(({ url = "" }, outgoing) => {
      if (url === "/at-once") outgoing.end();
      else {
        paths.push(url);
        answering = outgoing;
      }
    }),
  );
  server.on("request", () => arrived++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket
    .on("error", () => {})
    .on("data", (data) => {
      received += data.toString();
    });
  await once(socket, "connect");
});
afterEach(() => {
  socket.destroy();
  server.closeAllConnections();
  server.close();
});

function send(from: number, count: number): void {
  const requests = Array.from({ length: count }, (_, index) => `GET /${from + index} HTTP/1.1\r\nHost: x\r\n\r\n`);
  socket.write(requests.join(""));
}

async function answerAll(count: number): Promise<void> {
  for (let answered = 0; answered < count; answered++) {
    await expect.poll(() => paths.length, { interval: 1 }).toBe(answered + 1);
    answering.end(`answer ${answered}.`);
  }
  await expect.poll(() => received.match(/answer \d+\./g)?.length).toBe(count);
}

it("starts a request when the previous one is answered, and answers in order", async () => {
  send(0, 50);
  await expect.poll(() => arrived).toBe(50);
  expect(paths).toEqual(["/0"]);
  await answerAll(50);
  expect(paths).toEqual(Array.from({ length: 50 }, (_, index) => `/${index}`));
  expect(received.match(/answer \d+\./g)?.[49]).toBe("answer 49.");
});

it("stops reading while requests wait, and resumes when none does", async () => {
  send(0, 80);
  await expect.poll(() => arrived).toBe(80);
  send(80, 80);
  // More requests than may wait, if all of them were read.
  await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/at-once`)).text();
  await answerAll(160);
});

it("starts no request for a peer that does not read its answers", async () => {
  send(0, 3);
  socket.pause();
  await expect.poll(() => paths.length).toBe(1);
  const first = answering;
  first.write("x".repeat(50_000_000));
  first.end();
  await expect.poll(() => first.writableFinished || first.socket?.writableNeedDrain).toBe(true);
  expect(paths).toEqual(["/0"]);
  socket.resume();
  // Reading this much takes a while on a busy machine.
  await expect.poll(() => paths.length, { timeout: 20_000 }).toBe(2);
});

it("closes a connection with too many waiting requests, and ignores the rest", async () => {
  const closed = new Promise((resolve) => socket.once("close", resolve));
  send(0, 3_000);
  await closed;
  expect(paths).toEqual(["/0"]);
  expect(arrived).toBeLessThan(200);
});

it("counts waiting requests only while their connection is open", async () => {
  const { port } = server.address() as AddressInfo;
  // In total far more than may wait on all connections.
  for (let round = 0; round < 120; round++) {
    const other = connect(port, "127.0.0.1");
    other.write(`GET /${round} HTTP/1.1\r\nHost: x\r\n\r\n${"GET /at-once HTTP/1.1\r\nHost: x\r\n\r\n".repeat(99)}`);
    await expect.poll(() => paths.length, { interval: 1 }).toBe(round + 1);
    const { socket: served } = answering;
    other.destroy();
    answering.end();
    await expect.poll(() => served?.destroyed, { interval: 1 }).toBe(true);
  }
  paths.length = 0;
  send(0, 2);
  await answerAll(2);
});
