import type { Redis, Result } from "ioredis";
import type { CircuitOptions } from "../resilience/guard.ts";
import { ANNOUNCEMENTS, formatAnnouncement, formatPut, PUTS, provenanceKey } from "./keys.ts";
import { connectRedis, makeRedisGuard, RedisAway } from "./redis-connection.ts";
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
  const guard = makeRedisGuard(circuit);
  const connection = connectRedis(url, guard, {
    scripts: {
      publishPrice: { lua: PUBLISH_LUA, numberOfKeys: 2 },
      putText: { lua: PUT_LUA, numberOfKeys: 1 },
    },
  });
  const channel = keyPrefix + ANNOUNCEMENTS;
  const putChannel = keyPrefix + PUTS;
  const subscription = openRedisSubscription(url, { writes: channel, puts: putChannel });

  /** The outcomes, in their order: of a reply that did not come a RedisAway. */
  async function publishChunk(client: Redis, writes: readonly PriceWrite[]): Promise<WriteOutcome[]> {
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
    const replies = await pipeline.exec();
    return writes.map((_, index) => outcomeOf(replies?.[index]));
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
    async publish(writes) {
      const outcomes: (WriteOutcome | null)[] = writes.map(refuseWrite);
      const isOpen = (index: number): boolean => outcomes[index] === null || outcomes[index] instanceof RedisAway;
      const sendOpen = async (client: Redis): Promise<void> => {
        const open = [...writes.keys()].filter(isOpen);
        const chunks = [];
        for (let start = 0; start < open.length; start += CHUNK) chunks.push(open.slice(start, start + CHUNK));
        const sendChunk = async (chunk: readonly number[]): Promise<void> => {
          const told = await publishChunk(
            client,
            chunk.map((index) => writes[index] as PriceWrite),
          );
          for (const [at, index] of chunk.entries()) outcomes[index] = told[at] as WriteOutcome;
        };
        await Promise.all(chunks.map(sendChunk));
        // Thrown for the guard; each write has its own outcome.
        const away = outcomes.find((outcome) => outcome instanceof RedisAway);
        if (away !== undefined) throw away;
      };
      if (outcomes.every((outcome) => outcome !== null)) return outcomes;
      try {
        await connection.runSafely(sendOpen);
        return outcomes as WriteOutcome[];
      } catch (error) {
        return outcomes.map((outcome) => outcome ?? (error as Error));
      }
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
