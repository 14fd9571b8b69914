import type { Result } from "ioredis";
import { type CircuitOptions, makeGuard, NO_GUARD } from "../resilience/guard.ts";
import { ANNOUNCEMENTS, formatAnnouncement, formatPut, PUTS, provenanceKey } from "./keys.ts";
import { connectRedis, RedisAway } from "./redis-connection.ts";
import { openRedisSubscription } from "./redis-subscription.ts";
import type { HeldText, PriceStore, PriceWrite, WriteOutcome } from "./store.ts";
import { PUBLISH_LUA, PUT_LUA, refuseTtl, refuseWrite } from "./supersede.ts";

declare module "ioredis" {
  interface RedisCommander<Context> {
    publishPrice(
      key: string,
      markerKey: string,
      value: string,
      to: string,
      ttlSeconds: number,
      channel: string,
      payload: string,
      provenance: string,
    ): Result<number, Context>;
    putText(key: string, value: string, ttlSeconds: number, channel: string, payload: string): Result<null, Context>;
  }
}

/** Writes per pipeline: the rest of Redis' clients get their turn in between. */
const CHUNK = 500;

/**
 * The store in Redis. `keyPrefix` goes before every key and both channels; announcements carry the key without it.
 * @throws InputError where the URL is no Redis URL
 */
export function openRedisStore(url: string, keyPrefix: string, circuit?: CircuitOptions): PriceStore {
  const guard = circuit === undefined ? NO_GUARD : makeGuard("Redis", circuit, (error) => error instanceof RedisAway);
  const connection = connectRedis(url, guard, {
    scripts: {
      publishPrice: { lua: PUBLISH_LUA, numberOfKeys: 2 },
      putText: { lua: PUT_LUA, numberOfKeys: 1 },
    },
  });
  const channel = keyPrefix + ANNOUNCEMENTS;
  const putChannel = keyPrefix + PUTS;
  const subscription = openRedisSubscription(url, { writes: channel, puts: putChannel });

  async function publishChunk(writes: readonly PriceWrite[]): Promise<WriteOutcome[]> {
    try {
      const replies = await connection.run((client) => {
        const pipeline = client.pipeline();
        for (const { key, value, to, ttlSeconds, provenance = "" } of writes) {
          pipeline.publishPrice(
            keyPrefix + key,
            keyPrefix + provenanceKey(key),
            value,
            to,
            ttlSeconds,
            channel,
            formatAnnouncement({ key, to }),
            provenance,
          );
        }
        return pipeline.exec();
      });
      return writes.map((_, index) => outcomeOf(replies?.[index]));
    } catch (error) {
      return writes.map(() => error as Error);
    }
  }

  function outcomeOf(reply: [error: Error | null, result: unknown] | undefined): WriteOutcome {
    if (reply === undefined) return connection.explain("no reply");
    const [error, result] = reply;
    if (error !== null) return connection.explain(error);
    return result === 1 ? "written" : "superseded";
  }

  return {
    async read(keys) {
      if (keys.length === 0) return [];
      return connection.run((client) => client.mget(keys.map((key) => keyPrefix + key)));
    },
    async readHeld(keys) {
      if (keys.length === 0) return [];
      const prefixed = keys.map((key) => keyPrefix + key);
      // The times to live go first: of a text that is replaced in between, the shorter one is told.
      const replies = await connection.run((client) => {
        const pipeline = client.pipeline();
        for (const key of prefixed) pipeline.pttl(key);
        return pipeline.mget(prefixed).exec();
      });
      const [failed] = (replies ?? []).flatMap(([error]) => error ?? []);
      const texts = replies?.at(-1)?.[1] as (string | null)[] | undefined;
      if (failed !== undefined || texts === undefined) throw connection.explain(failed ?? "no reply");
      return texts.map((text, index) => heldText(text, replies?.[index]?.[1] as number));
    },
    async publish(writes) {
      const refusals = writes.map(refuseWrite);
      const sound = writes.filter((_, index) => refusals[index] === null);
      const chunks = [];
      for (let start = 0; start < sound.length; start += CHUNK) {
        chunks.push(publishChunk(sound.slice(start, start + CHUNK)));
      }
      const outcomes = (await Promise.all(chunks)).flat().values();
      return refusals.map((refusal) => refusal ?? (outcomes.next().value as WriteOutcome));
    },
    async put(key, value, ttlSeconds) {
      const refusal = refuseTtl(key, ttlSeconds);
      if (refusal !== null) throw refusal;
      await connection.run((client) => client.putText(keyPrefix + key, value, ttlSeconds, putChannel, formatPut(key)));
    },
    subscribe: (onWrite, others) => subscription.subscribe(onWrite, others),
    async ping() {
      await connection.run((client) => client.ping());
    },
    circuit: () => guard.state(),
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
