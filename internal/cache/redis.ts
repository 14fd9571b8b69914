import type { Result } from "ioredis";
import type { CircuitOptions } from "../resilience/guard.ts";
import { ANNOUNCEMENTS, formatPut, PUTS } from "./keys.ts";
import { connectRedis } from "./redis-connection.ts";
import { makeRedisGuard } from "./redis-errors.ts";
import { makePublisher, PUBLISH_SCRIPT } from "./redis-publish.ts";
import { openRedisSubscription } from "./redis-subscription.ts";
import type { HeldText, PriceStore } from "./store.ts";
import { PUT_LUA, refuseTtl } from "./supersede.ts";

declare module "ioredis" {
  interface RedisCommander<Context> {
    putText(key: string, value: string, ttlSeconds: number, channel: string, payload: string): Result<null, Context>;
  }
}

/**
 * The store in Redis. `keyPrefix` goes before every key and both channels; announcements carry the key without it.
 * @throws InputError where the URL is no Redis URL
 */
export function openRedisStore(url: string, keyPrefix: string, circuit?: CircuitOptions): PriceStore {
  const guard = makeRedisGuard(circuit);
  const connection = connectRedis(url, guard, {
    scripts: { ...PUBLISH_SCRIPT, putText: { lua: PUT_LUA, numberOfKeys: 1 } },
  });
  const putChannel = keyPrefix + PUTS;
  const subscription = openRedisSubscription(url, { writes: keyPrefix + ANNOUNCEMENTS, puts: putChannel });

  return {
    async read(keys) {
      if (keys.length === 0) return [];
      return connection.runSafely((client) => client.mget(keys.map((key) => keyPrefix + key)));
    },
    async readHeld(keys) {
      if (keys.length === 0) return [];
      const prefixed = keys.map((key) => keyPrefix + key);
      // The times to live go first: of a text that is replaced in between, the shorter one is told.
      const replies = await connection.runSafely(async (client) => {
        const pipeline = client.pipeline();
        for (const key of prefixed) pipeline.pttl(key);
        const answered = (await pipeline.mget(prefixed).exec()) ?? [];
        for (const [error] of answered) if (error !== null) throw error;
        return answered.map(([, result]) => result);
      });
      const texts = replies.at(-1) as (string | null)[];
      return texts.map((text, index) => heldText(text, replies[index] as number));
    },
    publish: makePublisher(connection, keyPrefix),
    async put(key, value, ttlSeconds) {
      const refusal = refuseTtl(key, ttlSeconds);
      if (refusal !== null) throw refusal;
      await connection.run((client) => client.putText(keyPrefix + key, value, ttlSeconds, putChannel, formatPut(key)));
    },
    subscribe: (onWrite, others) => subscription.subscribe(onWrite, others),
    async ping() {
      await connection.run((client) => client.ping());
    },
    guard,
    async close() {
      await Promise.all([subscription.close(), connection.close()]);
    },
  };
}

/** @param pttl what PTTL said: -1 where the key never expires, -2 where there was none */
function heldText(text: string | null, pttl: number): HeldText | null {
  if (text === null) return null;
  return { text, remainingMs: pttl === -1 ? Number.POSITIVE_INFINITY : Math.max(0, pttl) };
}
