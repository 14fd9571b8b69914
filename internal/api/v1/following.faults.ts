import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { MAX_COPY_SECONDS } from "../../cache/copies/local-copies.ts";
import { vwapKey } from "../../cache/keys.ts";
import { canStartRedis, makeRedisServer, type RedisServer } from "../../cache/redis/server.testing.ts";
import { plainClient } from "../../cache/redis/store.testing.ts";
import { openRedisStore } from "../../cache/redis/store.ts";
import type { PriceStore } from "../../cache/store.ts";
import { bucketEndingAt } from "../../canonical/bucket.ts";
import { parsePair } from "../../canonical/pair.ts";
import { publishedBucket, serializePublished } from "../../canonical/published.ts";
import { formatTime, parseTime, seconds } from "../../canonical/time.ts";
import { type Listening, listen } from "../../http/server.ts";
import type { Database } from "../../storage/connection/database.ts";
import { storedValueRefused, storeFollowed } from "../events.ts";
import { listenTo, openTestApi, type TestApi, unreachableDatabase } from "./api.testing.ts";

const XLM = parsePair("XLM/USD");
const FIRST = parseTime("2026-01-10T12:00:00Z");
const BACK = { timeout: 20_000 };

/** A value whose price identifies its bucket. */
function published(step: number): { text: string; to: string } {
  const to = FIRST + seconds(30 * step);
  const text = serializePublished({
    ...publishedBucket(XLM, bucketEndingAt(to, 300)),
    price: `0.5${step}1`,
    base_volume: "1",
    quote_volume: "1",
    usd_volume: null,
    trade_count: 1,
    sources: [],
    dropped: { class: 0, outlier: 0 },
    policy: "0123456789ab",
  });
  return { text, to: formatTime(to) };
}

describe.skipIf(!canStartRedis())("an API that subscribes to Redis", () => {
  let server: RedisServer;
  let database: Database;
  let writer: PriceStore;
  const opened: { store: PriceStore; listening: Listening }[] = [];

  beforeAll(async () => {
    server = await makeRedisServer();
    await server.start();
    database = unreachableDatabase();
    writer = openRedisStore(server.url, "");
  });
  afterEach(async () => {
    for (const { store, listening } of opened.splice(0)) await Promise.all([store.close(), listening.close()]);
  });
  afterAll(async () => {
    await writer.close();
    await database.close();
    await server.remove();
  });

  /** An API on a socket, and the number of values that it has read from Redis. */
  async function open(): Promise<{ api: TestApi; ask: (path?: string) => Promise<Response>; reads: () => number }> {
    const store = openRedisStore(server.url, "");
    let reads = 0;
    const counted: PriceStore = {
      ...store,
      readWithTtl: (keys) => {
        reads++;
        return store.readWithTtl(keys);
      },
    };
    const followed = listenTo(storeFollowed);
    onTestFinished(followed.stop);
    const api = openTestApi({ database, store: counted });
    const listening = await listen(api.app, { host: "127.0.0.1", port: 0 });
    opened.push({ store, listening });
    await vi.waitFor(() => expect(followed.events.at(-1)).toEqual({ isFollowing: true }), BACK);
    return {
      api,
      ask: (path = "/v1/vwap?pair=XLM/USD") => fetch(`http://127.0.0.1:${listening.port}${path}`),
      reads: () => reads,
    };
  }

  /** Waits until the announcement has arrived; after it, nothing is read again. */
  async function expectCopies({ ask, reads }: { ask: () => Promise<Response>; reads: () => number }): Promise<void> {
    await vi.waitFor(async () => {
      const before = reads();
      for (let asked = 0; asked < 3; asked++) await ask();
      expect(reads()).toBe(before);
    });
  }

  async function write(step: number, ttlSeconds = 300): Promise<string> {
    const { text, to } = published(step);
    expect(await writer.publish([{ key: vwapKey(XLM, 300), value: text, to, ttlSeconds }])).toEqual(["written"]);
    return text;
  }

  test("reads a value once for many answers, with the same ETag in every process, until the next value", async () => {
    const [one, other] = [await open(), await open()];
    for (const { api } of [one, other]) api.at(FIRST + seconds(5));
    const first = await write(0);
    const tags = new Set<string | null>();
    for (const { ask } of [one, other, one, other, one, other]) {
      const response = await ask();
      expect(response.headers.get("Cache-Control")).toBe("public, max-age=30");
      expect(response.headers.get("Content-Type")).toBe("application/json");
      expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
      expect(await response.text()).toContain(`{"data":${first},`);
      tags.add(response.headers.get("ETag"));
    }
    expect(tags.size).toBe(1);
    await expectCopies(one);
    await expectCopies(other);

    one.api.at(FIRST + seconds(7));
    expect((await one.ask()).headers.get("Cache-Control")).toBe("public, max-age=28");
    for (const { api } of [one, other]) api.at(FIRST + seconds(35));
    const second = await write(1);
    for (const { ask } of [one, other]) {
      await vi.waitFor(async () => expect(await (await ask()).text()).toContain(`{"data":${second},`));
      expect(tags).not.toContain((await ask()).headers.get("ETag"));
    }
  });

  test("applies its clock to local copies: not closed, stale and expired values", async () => {
    const { api, ask } = await open();
    const text = await write(2);
    const refused = listenTo(storedValueRefused);
    onTestFinished(refused.stop);
    api.at(FIRST + seconds(64));
    expect((await ask()).status).toBe(503);
    expect(refused.events).toMatchObject([
      { reason: "its bucket, which ends at 2026-01-10T12:01:00Z, is not closed yet" },
    ]);
    const staleAt = async (second: number) => {
      api.at(FIRST + seconds(second));
      const body = await (await ask()).text();
      expect(body).toContain(`{"data":${text},`);
      return body.includes('"stale":true');
    };
    const seen = [];
    for (const second of [65, 65, 124, 124, 125, 125, 70, 66]) seen.push(await staleAt(second));
    expect(seen).toEqual([false, false, false, false, true, true, false, false]);
    // After the clock is set back, buckets that are not closed by it are not shown.
    api.at(FIRST + seconds(64));
    expect((await ask()).status).toBe(503);

    api.at(FIRST + seconds(126));
    await write(3, 1);
    const raw = plainClient(server.url);
    await vi.waitFor(async () => expect(await raw.exists(vwapKey(XLM, 300))).toBe(0), BACK);
    raw.disconnect();
    api.at(FIRST + seconds(128));
    expect((await ask()).status).toBe(503);
  });

  test("notices a value without an announcement after some seconds", async () => {
    const { api, ask } = await open();
    api.at(FIRST + seconds(160));
    const kept = await write(4);
    expect(await (await ask()).text()).toContain(kept);
    const raw = plainClient(server.url);
    await raw.del(vwapKey(XLM, 300));
    raw.disconnect();
    expect((await ask()).status).toBe(200);
    api.at(FIRST + seconds(160 + MAX_COPY_SECONDS));
    expect((await ask()).status).toBe(503);
  });

  test("reads Redis for each answer while the subscription is down, and uses copies again afterwards", {
    timeout: 60_000,
  }, async () => {
    const { api, ask, reads } = await open();
    api.at(FIRST + seconds(300));
    const before = await write(5);
    for (let asked = 0; asked < 3; asked++) expect(await (await ask()).text()).toContain(before);
    await expectCopies({ ask, reads });

    const states = listenTo(storeFollowed);
    onTestFinished(states.stop);
    const raw = plainClient(server.url);
    // New subscriptions are refused for now, and existing ones are disconnected.
    await raw.call("ACL", "SETUSER", "default", "resetchannels");
    await vi.waitFor(() => expect(states.events).toEqual([{ isFollowing: false }]), BACK);
    await writer.ping();
    const during = published(6);
    await raw.set(vwapKey(XLM, 300), during.text, "EX", 300);
    const readsBefore = reads();
    for (let asked = 0; asked < 3; asked++) expect(await (await ask()).text()).toContain(during.text);
    expect(reads() - readsBefore).toBe(3);
    await raw.set(vwapKey(XLM, 300), published(7).text, "EX", 300);
    expect(await (await ask()).text()).toContain(published(7).text);

    await raw.call("ACL", "SETUSER", "default", "allchannels");
    raw.disconnect();
    await vi.waitFor(() => expect(states.events.at(-1)).toEqual({ isFollowing: true }), BACK);
    for (let asked = 0; asked < 3; asked++) expect(await (await ask()).text()).toContain(published(7).text);
    await expectCopies({ ask, reads });
    const after = await write(8);
    await vi.waitFor(async () => expect(await (await ask()).text()).toContain(after));
  });

  test("serves no copies while Redis is down, and values again once it is back", {
    timeout: 60_000,
  }, async () => {
    const { api, ask } = await open();
    api.at(FIRST + seconds(400));
    const text = await write(9);
    for (let asked = 0; asked < 2; asked++) expect(await (await ask()).text()).toContain(text);
    const states = listenTo(storeFollowed);
    onTestFinished(states.stop);
    await server.kill();
    await vi.waitFor(() => expect(states.events).toEqual([{ isFollowing: false }]), BACK);
    expect((await ask()).status).toBe(503);
    await server.start();
    await vi.waitFor(() => expect(states.events.at(-1)).toEqual({ isFollowing: true }), BACK);
    await vi.waitFor(() => writer.ping(), BACK);
    const again = await write(10);
    await vi.waitFor(async () => expect(await (await ask()).text()).toContain(again), BACK);
  });
});
