import { setTimeout as sleep } from "node:timers/promises";
import { asError } from "../lib/as-error.ts";
import type { JournalRecord } from "./journal/frame.ts";
import type { Journal } from "./journal/journal.ts";
import type { JournalBatch } from "./journal/reader.ts";

/** Stores records of one kind, in order; storing them again must change nothing. Kinds do not depend on each other. */
export type RecordHandler = (payloads: readonly Uint8Array[]) => Promise<void>;

/** What a drainer works with. */
export interface DrainerParts {
  readonly journal: Pick<Journal, "read" | "commit">;
  readonly handlers: ReadonlyMap<number, RecordHandler>;
  /** Called after each batch with its number of records. */
  readonly onDrained: (records: number) => void;
  /** Called after each failure, before the next attempt; `retryMs` says when that is. */
  readonly onFailure: (error: Error, retryMs: number) => void;
}

const BATCH_BYTES = 1024 * 1024;
const IDLE_MS = 100;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

/**
 * Moves the records of a journal to their handlers, those of each kind in order, until the signal aborts. Records stay in the journal until
 * their handler is done; where one fails, it is tried again, with backoff, and later ones wait.
 */
export async function drain(parts: DrainerParts, signal: AbortSignal): Promise<void> {
  let retryMs = FIRST_RETRY_MS;
  while (!signal.aborted) {
    let pauseMs = IDLE_MS;
    try {
      const batch = await parts.journal.read(BATCH_BYTES);
      if (batch !== null) {
        await handle(batch, parts);
        pauseMs = 0;
      }
      retryMs = FIRST_RETRY_MS;
    } catch (error) {
      parts.onFailure(asError(error), retryMs);
      pauseMs = retryMs;
      retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
    }
    if (pauseMs > 0) await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }
}

async function handle(batch: JournalBatch, { journal, handlers, onDrained }: DrainerParts): Promise<void> {
  for (const [kind, payloads] of byKind(batch.records)) {
    const handler = handlers.get(kind);
    if (handler === undefined) {
      throw new Error(`the journal has a record of the unknown kind ${kind}, of a later version; start that version`);
    }
    await handler(payloads);
  }
  await journal.commit(batch);
  onDrained(batch.records.length);
}

/** Returns the payloads of each kind, in order: mixed records would need a transaction for each. */
function byKind(records: readonly JournalRecord[]): ReadonlyMap<number, Uint8Array[]> {
  const kinds = new Map<number, Uint8Array[]>();
  for (const { kind, payload } of records) {
    const payloads = kinds.get(kind);
    if (payloads === undefined) kinds.set(kind, [payload]);
    else payloads.push(payload);
  }
  return kinds;
}
