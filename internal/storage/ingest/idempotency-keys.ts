import type { Sql } from "../connection/pool.ts";

/** The answer to a request that had an Idempotency-Key. */
export interface KeptAnswer {
  /** The name of the API key; empty for none. */
  readonly sender: string;
  readonly key: string;
  /** A digest of the request. */
  readonly fingerprint: Buffer;
  readonly status: number;
  readonly answer: string;
}

/** Keeps an answer; one that is there already stays. */
export async function keepAnswer(sql: Sql, { sender, key, fingerprint, status, answer }: KeptAnswer): Promise<void> {
  await sql`
    INSERT INTO ingest.idempotency_keys (sender, key, fingerprint, status, answer)
    VALUES (${sender}, ${key}, ${fingerprint}, ${status}, ${answer})
    ON CONFLICT DO NOTHING`;
}

/** Returns the answer to an earlier request; null where there is none. */
export async function readAnswer(sql: Sql, sender: string, key: string): Promise<KeptAnswer | null> {
  const [row] = await sql<KeptAnswer[]>`
    SELECT sender, key, fingerprint, status, answer FROM ingest.idempotency_keys
    WHERE sender = ${sender} AND key = ${key}`;
  return row ?? null;
}

/** Removes answers that are older than that. */
export async function trimAnswers(sql: Sql, maxAgeSeconds: number): Promise<void> {
  await sql`
    DELETE FROM ingest.idempotency_keys
    WHERE created_at < clock_timestamp() - ${maxAgeSeconds}::int * interval '1 second'`;
}
