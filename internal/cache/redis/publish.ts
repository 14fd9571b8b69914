import type { Redis, Result } from "ioredis";
import { ANNOUNCEMENTS, formatAnnouncement, formatPut, PUTS, provenanceKey } from "../keys.ts";
import type { PriceStore, PriceWrite, WriteOutcome } from "../store.ts";
import { refuseWrite, SKEW_SECONDS } from "../supersede.ts";
import type { RedisConnection } from "./connection.ts";
import { RedisUnavailable } from "./errors.ts";
import { PUBLISH_LUA } from "./scripts.ts";

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
      skewSeconds: number,
    ): Result<number, Context>;
  }
}

/** The script to register with the connection. */
export const PUBLISH_SCRIPT = { publishPrice: { lua: PUBLISH_LUA, numberOfKeys: 2 } };

/** Writes per pipeline, so that other clients of Redis are served in between. */
const CHUNK = 500;

/**
 * Returns `publish`. All writes together are one call for the circuit breaker: one failure, or one trial. Writes
 * without a reply after a lost connection are sent again, as repeating a write is safe.
 */
export function makePublisher(connection: RedisConnection, keyPrefix: string): PriceStore["publish"] {
  async function sendChunk(client: Redis, writes: readonly PriceWrite[]): Promise<WriteOutcome[]> {
    const pipeline = client.pipeline();
    for (const { key, value, to, ttlSeconds, provenance = "", isCompanion = false } of writes) {
      pipeline.publishPrice(
        keyPrefix + key,
        keyPrefix + provenanceKey(key),
        value,
        to,
        ttlSeconds,
        keyPrefix + (isCompanion ? PUTS : ANNOUNCEMENTS),
        isCompanion ? formatPut(key) : formatAnnouncement({ key, to }),
        provenance,
        SKEW_SECONDS,
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
      [...outcomes.keys()].filter((index) => outcomes[index] === null || outcomes[index] instanceof RedisUnavailable);

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
      if (unanswered().length > 0) await connection.runWithRetry(send);
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
