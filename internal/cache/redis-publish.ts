import type { Redis, Result } from "ioredis";
import { ANNOUNCEMENTS, formatAnnouncement, formatPut, PUTS, provenanceKey } from "./keys.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { RedisAway } from "./redis-errors.ts";
import type { PriceStore, PriceWrite, WriteOutcome } from "./store.ts";
import { PUBLISH_LUA, refuseWrite } from "./supersede.ts";

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
  }
}

/** What the connection must know to publish. */
export const PUBLISH_SCRIPT = { publishPrice: { lua: PUBLISH_LUA, numberOfKeys: 2 } };

/** Writes per pipeline: the rest of Redis' clients get their turn in between. */
const CHUNK = 500;

/**
 * Publishing as one call to Redis, so that it is one failure where Redis is away, and all of it is what tries Redis
 * again. Where the connection was lost, what was not answered is sent once more: to write twice is safe.
 */
export function makePublisher(connection: RedisConnection, keyPrefix: string): PriceStore["publish"] {
  async function sendChunk(client: Redis, writes: readonly PriceWrite[]): Promise<WriteOutcome[]> {
    const pipeline = client.pipeline();
    for (const { key, value, to, ttlSeconds, provenance = "", isBeside = false } of writes) {
      pipeline.publishPrice(
        keyPrefix + key,
        keyPrefix + provenanceKey(key),
        value,
        to,
        ttlSeconds,
        keyPrefix + (isBeside ? PUTS : ANNOUNCEMENTS),
        isBeside ? formatPut(key) : formatAnnouncement({ key, to }),
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

  return async (writes) => {
    const outcomes: (WriteOutcome | null)[] = writes.map(refuseWrite);
    const unanswered = (): number[] =>
      [...outcomes.keys()].filter((index) => outcomes[index] === null || outcomes[index] instanceof RedisAway);

    async function send(client: Redis): Promise<void> {
      const chunks = inChunks(unanswered()).map(async (indexes) => {
        const told = await sendChunk(
          client,
          indexes.map((index) => writes[index] as PriceWrite),
        );
        for (const [at, index] of indexes.entries()) outcomes[index] = told[at] as WriteOutcome;
      });
      await Promise.all(chunks);
      const [lost] = unanswered();
      if (lost !== undefined) throw outcomes[lost];
    }

    try {
      if (unanswered().length > 0) await connection.runSafely(send);
    } catch (error) {
      return outcomes.map((outcome) => outcome ?? (error as Error));
    }
    return outcomes as WriteOutcome[];
  };
}

function inChunks(indexes: readonly number[]): number[][] {
  const chunks: number[][] = [];
  for (let start = 0; start < indexes.length; start += CHUNK) chunks.push(indexes.slice(start, start + CHUNK));
  return chunks;
}
