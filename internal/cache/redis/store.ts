import type { Result } from "ioredis";
import type { CircuitOptions } from "../../lib/circuit-breaker.ts";
import { ANNOUNCEMENTS, formatPut, PUTS } from "../keys.ts";
import type { PriceStore, TextWithTtl } from "../store.ts";
import { refuseTtl } from "../supersede.ts";
import { connectRedis } from "./connection.ts";
import { makeRedisCircuitBreaker } from "./errors.ts";
import { makePublisher, PUBLISH_SCRIPT } from "./publish.ts";
import { PUT_LUA } from "./scripts.ts";
import { openRedisSubscription } from "./subscription.ts";

declare module "ioredis" {
  interface RedisCommander<Context> {
    putText(key: string, value: string, ttlSeconds: number, channel: string, payload: string): Result<null, Context>;
  }
}

/**
 * Opens the store in Redis. `keyPrefix` precedes every key and both channels; announcements carry the key without it.
 * @throws InputError where the URL is no Redis URL
 */
export function openRedisStore(url: string, keyPrefix: string, circuit?: CircuitOptions): PriceStore {
  const breaker = makeRedisCircuitBreaker(circuit);
  const connection = connectRedis(url, breaker, {
    scripts: { ...PUBLISH_SCRIPT, putText: { lua: PUT_LUA, numberOfKeys: 1 } },
  });
  const putChannel = keyPrefix + PUTS;
  const subscription = openRedisSubscription(url, { writes: keyPrefix + ANNOUNCEMENTS, puts: putChannel });

  return {
    async read(keys) {
      if (keys.length === 0) return [];
      return connection.runWithRetry((client) => client.mget(keys.map((key) => keyPrefix + key)));
    },
    async readWithTtl(keys) {
      if (keys.length === 0) return [];
      const prefixed = keys.map((key) => keyPrefix + key);
      // TTLs are read first: if a text is replaced in between, the shorter TTL is reported.
      const replies = await connection.runWithRetry(async (client) => {
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
    breaker,
    async close() {
      await Promise.all([subscription.close(), connection.close()]);
    },
  };
}

/** @param pttl the reply of PTTL: -1 where the key never expires, -2 where it does not exist */
function heldText(text: string | null, pttl: number): TextWithTtl | null {
  if (text === null) return null;
  return { text, remainingMs: pttl === -1 ? Number.POSITIVE_INFINITY : Math.max(0, pttl) };
}
