import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { runsOf } from "../../test/thoroughness.ts";
import { listenTo } from "../api/v1/api.testing.ts";
import { requestDone, requestFailed } from "./events.ts";
import { AS_WRITER, MAX_JOB_BYTES, MAX_ROWS_BYTES, type RouteApp, serveRoutes } from "./route-app.testing.ts";
import { readToEnd, sendRaw } from "./served.testing.ts";

const NDJSON = { "Content-Type": "application/x-ndjson" };

async function post(
  { url }: RouteApp,
  path: "/jobs" | "/rows",
  body: RequestInit["body"],
  headers: Record<string, string>,
): Promise<{ status: number; type: string | undefined; detail: string | undefined; body: unknown }> {
  // Node.js streams a body only with this option, which its types lack.
  const init = { method: "POST", headers: { ...AS_WRITER, ...headers }, body, duplex: "half" };
  const response = await fetch(`${url}${path}`, init as RequestInit);
  const answered = (await response.json()) as { type?: string; detail?: string };
  const type = answered.type?.slice("urn:stellarindex:problem:".length);
  return { status: response.status, type, detail: answered.detail, body: answered };
}

/** The head of a request to stream rows. */
function rowsHead(...headers: string[]): string {
  return [`POST /rows HTTP/1.1`, "Host: x", "Content-Type: application/x-ndjson", ...headers, "", ""].join("\r\n");
}

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

/** Writes until the other side closes. */
async function writeUntilClosed(socket: Socket, text: string): Promise<void> {
  const closed = new Promise((resolve) => socket.once("close", resolve));
  while (!socket.destroyed) {
    if (!socket.write(text)) await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), closed]);
  }
}

test.each<[string, string | Uint8Array<ArrayBuffer>, Record<string, string>]>([
  ["nothing", "", {}],
  ["no JSON", "{name}", {}],
  ["half of it", '{"name":', {}],
  ["text that is not UTF-8", new Uint8Array([0x22, 0xff, 0x22]), {}],
  ["no gzip", '{"name":"a"}', { "Content-Encoding": "gzip" }],
  ["gzip cut short", gzipSync('{"name":"a"}').subarray(0, 20), { "Content-Encoding": "gzip" }],
])("a body that is %s is malformed", async (_case, body, headers) => {
  const app = await serveRoutes();
  expect(await post(app, "/jobs", body, { "Content-Type": "application/json", ...headers })).toMatchObject({
    status: 400,
    type: "malformed-body",
  });
});

test.each<[string, "/jobs" | "/rows", Record<string, string>, RegExp]>([
  ["form", "/jobs", { "Content-Type": "application/x-www-form-urlencoded" }, /Content-Type: application\/json$/],
  ["prefix", "/jobs", { "Content-Type": "application/jsonl" }, /Content-Type: application\/json$/],
  ["form, of several", "/rows", { "Content-Type": "text/csv" }, /application\/x-ndjson or application\/json$/],
  ["encoding", "/rows", { ...NDJSON, "Content-Encoding": "br" }, /Content-Encoding: gzip$/],
  ["encoding, twice", "/rows", { ...NDJSON, "Content-Encoding": "gzip, gzip" }, /Content-Encoding: gzip$/],
])("another %s than the declared ones is refused with these", async (_case, path, headers, detail) => {
  const app = await serveRoutes();
  expect(await post(app, path, "{}", headers)).toMatchObject({
    status: 415,
    type: "unsupported-media-type",
    detail: expect.stringMatching(detail),
  });
});

test("a declared type may be spelled otherwise, and the body packed", async () => {
  const app = await serveRoutes();
  const text = '{"name":"a"}';
  const type = { "Content-Type": "Application/JSON; charset=utf-8" };
  expect((await post(app, "/jobs", text, type)).status).toBe(201);
  const packed = await post(app, "/jobs", gzipSync(text), { ...type, "Content-Encoding": "GZIP" });
  expect([packed.status, packed.body]).toMatchObject([201, { body: { name: "a" } }]);
  const rows = await post(app, "/rows", gzipSync("x".repeat(50_000)), { ...NDJSON, "Content-Encoding": "gzip" });
  expect(rows.body).toEqual({ contentType: "application/x-ndjson", size: 50_000 });
});

test("a body that nests deeper than a hundred levels is refused; brackets in texts do not count", async () => {
  const app = await serveRoutes();
  const type = { "Content-Type": "application/json" };
  const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
  const tooDeep = { status: 400, type: "malformed-body", detail: expect.stringContaining("more than 100") };
  expect(await post(app, "/jobs", nested(101), type)).toMatchObject(tooDeep);
  expect(await post(app, "/jobs", nested(400), type)).toMatchObject(tooDeep);
  expect(await post(app, "/jobs", nested(100), type)).toMatchObject({ status: 400, type: "invalid-body" });
  const inText = JSON.stringify({ name: `${"[".repeat(200)}"\\{` });
  expect((await post(app, "/jobs", inText, type)).status).toBe(201);
});

test("a body has at most as many bytes as its route takes, packed or not", async () => {
  const app = await serveRoutes();
  const json = (length: number): string => `{"name":"${"x".repeat(length - '{"name":""}'.length)}"}`;
  const type = { "Content-Type": "application/json" };
  expect((await post(app, "/jobs", json(MAX_JOB_BYTES), type)).status).toBe(201);
  const tooLarge = { status: 413, type: "body-too-large", detail: `the body has more than ${MAX_JOB_BYTES} bytes` };
  expect(await post(app, "/jobs", json(MAX_JOB_BYTES + 1), type)).toMatchObject(tooLarge);
  const streamed = new Blob([json(MAX_JOB_BYTES + 1)]).stream();
  expect(await post(app, "/jobs", streamed, type)).toMatchObject(tooLarge);
  const packed = gzipSync(json(MAX_JOB_BYTES + 1));
  expect(packed.length).toBeLessThan(MAX_JOB_BYTES);
  expect(await post(app, "/jobs", packed, { ...type, "Content-Encoding": "gzip" })).toMatchObject(tooLarge);
});

test("a length that is too large is refused before anything of the body has come", async () => {
  const app = await serveRoutes();
  const socket = await sendRaw(app.port, rowsHead(`Content-Length: ${MAX_ROWS_BYTES + 1}`));
  // The rest never comes: what the server waits for is not the body.
  expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 413 [\s\S]*body-too-large/);
});

test("an endless body ends at the limit: no byte beyond it reaches the route, and the connection is closed", async () => {
  const seen: number[] = [];
  const app = await serveRoutes({
    readRows: async ({ bytes }) => {
      for await (const { length } of bytes) seen.push(length);
    },
  });
  const socket = await sendRaw(app.port, rowsHead("Transfer-Encoding: chunked"));
  const answer: Buffer[] = [];
  socket.on("data", (part: Buffer) => answer.push(part));
  await writeUntilClosed(socket, chunk("x".repeat(10_000)));
  expect(Buffer.concat(answer).toString()).toMatch(/^HTTP\/1\.1 413 [\s\S]*body-too-large/);
  expect(seen.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(MAX_ROWS_BYTES);
  expect(seen.length).toBeGreaterThan(0);
});

test("a streamed body is read as it arrives", async () => {
  const seen: string[] = [];
  const app = await serveRoutes({
    readRows: async ({ bytes }) => {
      for await (const part of bytes) seen.push(Buffer.from(part).toString());
    },
  });
  const socket = await sendRaw(app.port, rowsHead("Transfer-Encoding: chunked", "Connection: close"));
  const answer = readToEnd(socket);
  for (const row of ["first", "second"]) {
    socket.write(chunk(row));
    await expect.poll(() => seen.at(-1)).toBe(row);
  }
  socket.write("0\r\n\r\n");
  expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(seen).toEqual(["first", "second"]);
});

test("a route may leave the rest of a body unread, and still answers on the connection", async () => {
  const app = await serveRoutes({
    readRows: async ({ bytes }) => {
      for await (const { length } of bytes) return length;
      return null;
    },
  });
  const socket = await sendRaw(app.port, rowsHead("Transfer-Encoding: chunked", "Connection: close") + chunk("row"));
  expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 200 [\s\S]*3$/);
});

test("a client that leaves in the middle of its body has sent a malformed one; nothing has failed", async () => {
  const done = listenTo(requestDone);
  const failed = listenTo(requestFailed);
  const seen: unknown[] = [];
  const app = await serveRoutes({
    readRows: async ({ bytes }) => {
      for await (const part of bytes) seen.push(part);
      seen.push("the end");
    },
  });
  for (const headers of ["Transfer-Encoding: chunked", "Content-Length: 100"]) {
    const before = seen.length;
    const row = headers.startsWith("T") ? chunk("row") : "row";
    const socket = await sendRaw(app.port, rowsHead(headers) + row);
    await expect.poll(() => seen.length).toBeGreaterThan(before);
    socket.destroy();
    await expect.poll(() => done.events.at(-1)).toMatchObject({ route: "/rows", status: 400 });
    done.events.length = 0;
  }
  expect(seen).not.toContain("the end");
  expect(failed.events).toEqual([]);
  done.stop();
  failed.stop();
});

test("whatever is sent as a body, nothing fails unexpectedly", async () => {
  const app = await serveRoutes();
  const failed = listenTo(requestFailed);
  const body = fc.oneof(
    fc.json().map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc
      .record({ name: fc.string({ maxLength: 9 }), priority: fc.integer() })
      .map((job) => Buffer.from(JSON.stringify(job))),
  );
  const statuses = new Set<number>();
  await fc.assert(
    fc.asyncProperty(
      body,
      fc.boolean(),
      fc.boolean(),
      fc.constantFrom("application/json", "application/x-ndjson", "x"),
      async (bytes, isPacked, saysPacked, contentType) => {
        const sent = isPacked ? gzipSync(bytes) : bytes;
        const headers = { "Content-Type": contentType, ...(saysPacked ? { "Content-Encoding": "gzip" } : {}) };
        const { status, body: answered } = await post(app, "/jobs", Buffer.from(sent), headers);
        statuses.add(status);
        expect([201, 400, 413, 415], JSON.stringify(answered)).toContain(status);
      },
    ),
    {
      numRuns: runsOf(200),
      // One of each answer, which random bodies reach now and then.
      examples: [
        [Buffer.from('{"name":"a","priority":1}'), false, false, "application/json"],
        [Buffer.from("{"), false, false, "application/json"],
        [Buffer.from("{}"), false, false, "x"],
      ],
    },
  );
  expect([...statuses].sort()).toEqual(expect.arrayContaining([201, 400, 415]));
  expect(failed.events).toEqual([]);
  failed.stop();
});

test("a number that a double cannot hold is refused, with where it is and how to write it", async () => {
  const app = await serveRoutes();
  const body = '{"name":"a","priority":12345678901234567890,"steps":[{"kind":"fetch","a/b~c":0.1234567890123456789}]}';
  expect(await post(app, "/jobs", body, { "Content-Type": "application/json" })).toMatchObject({
    status: 400,
    type: "invalid-body",
    body: {
      errors: [
        { pointer: "/priority", detail: expect.stringContaining('write it as a string, "12345678901234567890"') },
        { pointer: "/steps/0/a~1b~0c", detail: expect.stringContaining("0.1234567890123456789 is a number that") },
      ],
    },
  });
  const exact = await post(app, "/jobs", '{"name":"12345678901234567890","priority":1.0e1}', {
    "Content-Type": "application/json",
  });
  expect(exact.status).toBe(201);
});
