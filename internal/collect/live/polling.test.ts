import { describe, expect, it, vi } from "vitest";
import { createHttpReader } from "../../http/client.ts";
import { serve } from "../../http/local-server.testing.ts";
import { makeVenueRequests } from "../venue-get.ts";
import { pollingWire } from "./polling.ts";

const ENDPOINT = { live: "", rest: "", key: "k" };
const { signal } = new AbortController();
const { ask } = makeVenueRequests(
  createHttpReader({ requestsPerMinute: 10_000, retries: 0 }),
  () => Promise.resolve(),
  signal,
);

/** Follows a server by questions; each reading of the clock is one of `times`, of which the last one stands. */
function follow(url: string, times: bigint[] = [0n]) {
  const said: string[] = [];
  const polling = { headers: () => ({ "x-key": "k" }), pauseSeconds: () => 0.005 };
  const now = () => (times.length > 1 ? (times.shift() as bigint) : (times[0] as bigint));
  const wire = pollingWire({ polling, endpoint: ENDPOINT, ask, now })(new URL(url), {
    onOpen: () => said.push("open"),
    onText: (text) => said.push(text),
    onFrame: () => said.push("frame"),
    onEnd: (reason, retryAfterSeconds) => said.push(`end: ${reason}, ${retryAfterSeconds}`),
  });
  return { said, wire };
}

describe("a wire of questions", () => {
  it("asks whether the answer has changed, and hands on the last one where it has not", async () => {
    let version = 1;
    const { url, received } = await serve(({ headers }, response) => {
      if (headers["if-none-match"] === `"${version}"`) return void response.writeHead(304).end();
      const modified = { "last-modified": "Sat, 29 Aug 2026 12:00:00 GMT" };
      response.writeHead(200, { etag: `"${version}"`, ...modified }).end(`answer ${version}`);
    });
    const { said, wire } = follow(url);
    await vi.waitUntil(() => said.length > 3);
    version = 2;
    await vi.waitUntil(() => said.at(-1) === "answer 2");
    wire.close();
    expect(said.slice(0, 3)).toEqual(["open", "answer 1", "answer 1"]);
    expect(said.filter((each) => each.startsWith("end"))).toEqual(["end: it was given up, 0"]);
    expect(received[0]?.headers).toMatchObject({ "x-key": "k" });
    expect(received[0]?.headers).not.toHaveProperty("if-none-match");
    expect(received[1]?.headers).toMatchObject({
      "if-none-match": '"1"',
      "if-modified-since": "Sat, 29 Aug 2026 12:00:00 GMT",
    });
  });

  it("ends with what the venue asked for, and answers pings itself", async () => {
    const { url } = await serve((_request, response) => response.writeHead(429, { "retry-after": "30" }).end());
    const { said, wire } = follow(url);
    wire.ping();
    await vi.waitUntil(() => said.length > 1);
    expect(said[0]).toBe("frame");
    expect(said[1]).toMatch(/^end: .* HTTP status 429.*, 30$/);
  });

  it("ends where the machine slept between two questions", async () => {
    const { url } = await serve((_request, response) => response.end("answer"));
    const { said } = follow(url, [0n, 3_600_000_000n]);
    await vi.waitUntil(() => said.length > 2);
    expect(said).toEqual(["open", "answer", "end: it was not asked in time, 0"]);
  });
});
