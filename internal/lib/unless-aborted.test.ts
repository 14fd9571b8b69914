import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { unlessAborted } from "./unless-aborted.ts";

it("settles as the promise does, and leaves no listener", async () => {
  const { signal } = new AbortController();
  expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1);
  await expect(unlessAborted(Promise.reject(new Error("failed")), signal)).rejects.toThrow("failed");
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

it("rejects as soon as the signal aborts, or where it has, whatever becomes of the promise", async () => {
  const leaving = new AbortController();
  let fail = (_error: Error): void => {};
  const held = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  const waiting = unlessAborted(held, leaving.signal);
  leaving.abort();
  await expect(waiting).rejects.toThrow("it was aborted");
  await expect(unlessAborted(Promise.resolve(1), leaving.signal)).rejects.toThrow("it was aborted");
  // Nothing waits for it any longer, and its failure is no unhandled rejection.
  fail(new Error("failed"));
  await new Promise(setImmediate);
  expect(getEventListeners(leaving.signal, "abort")).toEqual([]);
});
