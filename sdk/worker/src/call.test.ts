import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { artifactOf } from "./artifact.ts";
import { callAgainSeconds } from "./backoff.ts";
import { retryAfterSeconds } from "./call.ts";
import { CallDelayed } from "./failures.ts";

it("reads Retry-After as seconds, or as a date beside the answer's own Date", () => {
  const sent = "Sun, 09 Aug 2026 22:30:00 GMT";
  const cases: [Record<string, string>, number | null][] = [
    [{ "Retry-After": "30" }, 30],
    [{ "Retry-After": "0" }, 0],
    [{ "Retry-After": "Sun, 09 Aug 2026 22:31:30 GMT", Date: sent }, 90],
    [{ "Retry-After": "Sun, 09 Aug 2026 22:29:00 GMT", Date: sent }, 0],
    [{ "Retry-After": "Sun, 09 Aug 2026 22:31:30 GMT" }, null],
    [{ "Retry-After": "soon", Date: sent }, null],
    [{}, null],
  ];
  for (const [headers, seconds] of cases)
    expect([headers, retryAfterSeconds(new Headers(headers))]).toEqual([headers, seconds]);
});

it("repeats calls after a random part of a time that doubles up to 15 s, never before the ledger asks for it", () => {
  const error = new Error("connection refused");
  expect([1, 2, 3, 9].map((failures) => callAgainSeconds(failures, 0.5, error))).toEqual([0.25, 0.5, 1, 7.5]);
  expect(callAgainSeconds(1, 0.5, new CallDelayed("503", 5))).toBe(5);
  expect(callAgainSeconds(9, 0.5, new CallDelayed("503", null))).toBe(7.5);
});

it("hashes a content in the same way, whether it comes as text, bytes or pieces", async () => {
  async function* pieces() {
    yield Buffer.from("na");
    yield Buffer.from("ïve");
  }
  const sha256 = createHash("sha256").update("naïve").digest("hex");
  const contents = ["naïve", new TextEncoder().encode("naïve"), pieces()];
  for (const content of contents) {
    expect(await artifactOf({ name: "a", uri: "u", content })).toEqual({ name: "a", uri: "u", sha256, bytes: 6 });
  }
});
