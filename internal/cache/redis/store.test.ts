import { Socket } from "node:net";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { PriceStore, PriceWrite } from "../store.ts";
import { deleteTestKeys, plainClient, testKeyPrefix, testRedisUrl } from "./store.testing.ts";
import { openRedisStore } from "./store.ts";

const url = await testRedisUrl();

describe.skipIf(url === null)("Redis store", () => {
  const redisUrl = url ?? "";
  const prefix = testKeyPrefix();
  const raw = plainClient(redisUrl);
  let store: PriceStore;

  beforeEach(async () => {
    store = openRedisStore(redisUrl, prefix);
    await store.ping();
  });
  afterEach(() => store.close());
  afterAll(async () => {
    raw.disconnect();
    await deleteTestKeys(redisUrl, prefix);
  });

  function write(key: string, second: number): PriceWrite {
    const to = `2026-08-09T22:30:${String(second).padStart(2, "0")}Z`;
    return { key, value: `{"to":"${to}"}`, to, ttlSeconds: 300 };
  }

  test("1000 writes and 1000 reads are sent in a few packets", async () => {
    const writes = Array.from({ length: 1000 }, (_, index) => write(`key-${index}`, index % 60));
    const sent = vi.spyOn(Socket.prototype, "write");
    try {
      await store.publish(writes);
      expect(sent.mock.calls.filter(([data]) => String(data).includes(prefix))).toHaveLength(2);
      sent.mockClear();
      await store.read(writes.map(({ key }) => key));
      expect(sent.mock.calls.filter(([data]) => String(data).includes(prefix))).toHaveLength(1);
    } finally {
      sent.mockRestore();
    }
  });

  test("the script is sent once per connection, and again after SCRIPT FLUSH", async () => {
    const sent = vi.spyOn(Socket.prototype, "write");
    const scripts = () =>
      sent.mock.calls
        .map(([data]) => String(data))
        .join("")
        .split("unixSeconds(text)").length - 1;
    try {
      await store.publish([write("script-a", 1), write("script-b", 1)]);
      expect(scripts()).toBe(1);
      await store.publish([write("script-a", 2)]);
      expect(scripts()).toBe(1);
      await raw.script("FLUSH");
      const outcomes = await store.publish([write("script-a", 3), write("script-b", 3), write("script-a", 1)]);
      expect(outcomes).toEqual(["written", "written", "superseded"]);
    } finally {
      sent.mockRestore();
    }
  });

  test("values are stored unchanged under the prefixed key, with their TTL", async () => {
    await store.publish([write("plain", 1)]);
    expect(await raw.get(`${prefix}plain`)).toBe(write("plain", 1).value);
    expect(await raw.ttl(`${prefix}plain`)).toBeGreaterThan(295);
    expect(await raw.ttl(`${prefix}plain`)).toBeLessThanOrEqual(300);
  });

  test("a foreign value of any type is read as it is or as missing, and overwritten", async () => {
    await raw.lpush(`${prefix}list`, "poison");
    await raw.set(`${prefix}text`, "poison");
    expect(await store.read(["list", "text"])).toEqual([null, "poison"]);
    expect(await store.publish([write("list", 1), write("text", 1)])).toEqual(["written", "written"]);
    expect(await store.read(["list", "text"])).toEqual([write("list", 1).value, write("text", 1).value]);
  });

  test("an invalid announcement is ignored", async () => {
    const heard: string[] = [];
    await store.subscribe(({ key }) => heard.push(key));
    for (const noise of ["", "noise", "null", "[]", '{"key":1,"to":"x"}']) {
      await raw.publish(`${prefix}stellarindex:vwap`, noise);
    }
    await store.publish([write("heard", 1)]);
    await vi.waitFor(() => expect(heard).toEqual(["heard"]));
  });

  test("a closed store leaves no open connection and no timer", async () => {
    const held = () => process.getActiveResourcesInfo().filter((each) => /TCP|Timeout/.test(each)).length;
    await raw.ping();
    await store.close();
    const before = held();
    const another = openRedisStore(redisUrl, prefix);
    await another.subscribe(() => {});
    await another.read(["x"]);
    expect(held()).toBeGreaterThan(before);
    await another.close();
    await vi.waitFor(() => expect(held()).toBeLessThanOrEqual(before));
  });
});
