import { expect, it } from "vitest";
import { newJob } from "../../storage/control/jobs.testing.ts";
import { submitJob } from "../../storage/control/submit.ts";
import { serveTestControl } from "./app.testing.ts";

// The server ends connections that are silent for six seconds.
const control = serveTestControl(
  { reader: { tenant: "one", scopes: ["control:read"] } },
  { requestTimeoutSeconds: 1, maxInFlight: 1, maxConnections: 5 },
);

const SILENT_MS = 17_000;

it("streams stay open for longer than any answer may take, count as no request in progress, and have heartbeats", async () => {
  const streams = await Promise.all(
    Array.from({ length: 3 }, () => fetch(`${control.url}/events`, { headers: control.headersOf("reader") })),
  );
  expect(streams.map(({ status }) => status)).toEqual([200, 200, 200]);
  await new Promise((resolve) => setTimeout(resolve, SILENT_MS));
  expect((await control.call("reader", "GET", "/jobs")).status).toBe(200);
  const { jobId } = await submitJob(control.database.sql, "one", newJob());
  for (const { body } of streams) {
    let text = "";
    for await (const part of (body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
      text += part;
      if (text.includes(`"job_id":"${jobId}"`)) break;
    }
    expect(text).toContain(": heartbeat\n\n");
  }
  await expect.poll(() => control.events.readers()).toBe(0);
}, 40_000);
