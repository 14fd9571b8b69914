import { once } from "node:events";
import { expect, test } from "vitest";
import { listenTo } from "../api/v1/api.testing.ts";
import { stopwatch } from "../lib/clock.ts";
import { requestShed, requestsInFlight, requestTimedOut } from "./events.ts";
import { AS_READER, AS_WRITER, type RouteApp, serveRoutes } from "./route-app.testing.ts";
import { sendRaw } from "./served.testing.ts";

/** Work that waits until it is let go on. */
function heldWork(): { hold: () => Promise<void>; begun: () => number; letGo: () => void } {
  const held: (() => void)[] = [];
  let begun = 0;
  return {
    hold: () => {
      begun++;
      return new Promise<void>((go) => held.push(go));
    },
    begun: () => begun,
    letGo: () => {
      for (const go of held.splice(0)) go();
    },
  };
}

async function statusOf(answer: Promise<Response>): Promise<number> {
  return (await answer).status;
}

function read({ url }: RouteApp): Promise<number> {
  return statusOf(fetch(`${url}/jobs/7`, { headers: AS_READER }));
}

function write({ url }: RouteApp): Promise<number> {
  const headers = { ...AS_WRITER, "Content-Type": "application/json" };
  return statusOf(fetch(`${url}/jobs`, { method: "POST", headers, body: '{"name":"a"}' }));
}

const ONE = { maxInFlight: 1, requestTimeoutSeconds: 10 };

test("writes and reads are bounded apart, so that neither keeps the other out", async () => {
  const [writes, reads] = [heldWork(), heldWork()];
  const app = await serveRoutes({ store: writes.hold, load: reads.hold }, { read: ONE, write: ONE });
  const shed = listenTo(requestShed);
  const inFlight = listenTo(requestsInFlight);
  const writing = write(app);
  await expect.poll(writes.begun).toBe(1);
  expect(await write(app)).toBe(503);
  const reading = read(app);
  await expect.poll(reads.begun).toBe(1);
  expect(await read(app)).toBe(503);
  expect(shed.events).toMatchObject([{ route: "/jobs" }, { route: "/jobs/:job" }]);
  // Both classes are in the one number that is published.
  expect(Math.max(...inFlight.events.map(({ count }) => count))).toBe(2);

  writes.letGo();
  expect(await writing).toBe(201);
  expect(await read(app)).toBe(503);
  const next = write(app);
  await expect.poll(writes.begun).toBe(2);
  writes.letGo();
  reads.letGo();
  expect(await Promise.all([next, reading])).toEqual([201, 200]);
  await expect.poll(() => inFlight.events.at(-1)).toMatchObject({ count: 0 });
  shed.stop();
  inFlight.stop();
});

test("of a write that is refused, not even the body is read", async () => {
  const writes = heldWork();
  const seen: unknown[] = [];
  const readRows = async ({ bytes }: { bytes: AsyncIterable<Uint8Array> }): Promise<void> => {
    for await (const part of bytes) seen.push(part);
  };
  const app = await serveRoutes({ store: writes.hold, readRows }, { write: ONE });
  const writing = write(app);
  await expect.poll(writes.begun).toBe(1);
  const head = "POST /rows HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 9\r\n\r\n";
  const socket = await sendRaw(app.port, `${head}rows`);
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 503 [\s\S]*overloaded/);
  expect(seen).toEqual([]);
  socket.destroy();
  writes.letGo();
  expect(await writing).toBe(201);
});

test("in a lane, no more calls run at once than there are permits; the others wait for their turn", async () => {
  const writes = heldWork();
  const app = await serveRoutes({ store: writes.hold }, { maxStores: 2 });
  const writing = Array.from({ length: 5 }, () => write(app));
  for (const begun of [2, 4, 5]) {
    await expect.poll(writes.begun).toBe(begun);
    writes.letGo();
  }
  expect(await Promise.all(writing)).toEqual([201, 201, 201, 201, 201]);
});

test("a write that takes too long is a problem, and counts until its work ends; one that still waits is dropped", async () => {
  const writes = heldWork();
  const requestTimeoutSeconds = 0.2;
  const app = await serveRoutes(
    { store: writes.hold },
    { maxStores: 1, write: { maxInFlight: 2, requestTimeoutSeconds } },
  );
  const timedOut = listenTo(requestTimedOut);
  const inFlight = listenTo(requestsInFlight);
  expect(await Promise.all([write(app), write(app)])).toEqual([503, 503]);
  expect(timedOut.events).toHaveLength(2);
  expect(await write(app)).toBe(503);
  expect(timedOut.events).toHaveLength(2);
  // The queued call has a time of its own, which began when its body had been read.
  const deadline = stopwatch() + requestTimeoutSeconds;
  await expect.poll(stopwatch).toBeGreaterThan(deadline);
  writes.letGo();
  await expect.poll(() => inFlight.events.at(-1)).toMatchObject({ count: 0 });
  expect(writes.begun()).toBe(1);
  timedOut.stop();
  inFlight.stop();
});
