import { setBounded } from "../../lib/bounded-map.ts";
import { within } from "../../lib/within.ts";
import type { Sql } from "../../storage/connection/pool.ts";
import { type KeptAnswer, keepAnswer, readAnswer } from "../../storage/ingest/idempotency-keys.ts";
import type { Journal } from "../journal/journal.ts";
import { answerRecord } from "../records.ts";

/**
 * The answers to earlier requests, by sender and key (draft-ietf-httpapi-idempotency-key-header). They are kept for a day,
 * in the database, and the latest in memory: while the database is away, only those are found. Nothing depends on them,
 * since a trade that is sent twice is stored once.
 */
export interface IdempotencyKeys {
  /** Begins a request. @returns whether none with the same key is in progress */
  readonly begin: (sender: string, key: string) => boolean;
  readonly end: (sender: string, key: string) => void;
  readonly find: (sender: string, key: string) => Promise<KeptAnswer | null>;
  /** Keeps an answer. It never rejects. */
  readonly keep: (answer: KeptAnswer) => Promise<void>;
}

/** Short, since the answer to a request is not to wait for this. */
const DATABASE_SECONDS = 0.05;
const JOURNAL_SECONDS = 0.05;
const MAX_IN_MEMORY = 1_000;
const MAX_ANSWER_IN_MEMORY = 8_192;

/** @param isTrusted returns whether the database works, so that nobody waits for one that does not */
export function makeIdempotencyKeys(
  sql: Sql,
  journal: Pick<Journal, "append"> | null,
  isTrusted: () => boolean,
): IdempotencyKeys {
  const inProgress = new Set<string>();
  const latest = new Map<string, KeptAnswer>();
  const idOf = (sender: string, key: string): string => `${sender}\n${key}`;
  async function inTime<T>(query: () => Promise<T>): Promise<T> {
    if (!isTrusted()) throw new Error("the database is away");
    return within(DATABASE_SECONDS, query(), "the database did not answer in time");
  }

  return {
    begin: (sender, key) => {
      const id = idOf(sender, key);
      if (inProgress.has(id)) return false;
      inProgress.add(id);
      return true;
    },
    end: (sender, key) => void inProgress.delete(idOf(sender, key)),
    find: async (sender, key) =>
      latest.get(idOf(sender, key)) ?? (await inTime(() => readAnswer(sql, sender, key)).catch(() => null)),
    keep: async (answer) => {
      if (answer.answer.length <= MAX_ANSWER_IN_MEMORY) {
        setBounded(latest, idOf(answer.sender, answer.key), answer, MAX_IN_MEMORY);
      }
      await inTime(() => keepAnswer(sql, answer))
        .catch(() => journal && within(JOURNAL_SECONDS, journal.append([answerRecord(answer)]), "the disk is slow"))
        .catch(() => {});
    },
  };
}

/** The key of a String of Structured Field Values (RFC 9651), or the same without quotes. */
const KEY = /^(?:"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255}))$/;

/** Returns the key of an Idempotency-Key header; null where it is not valid. */
export function parseIdempotencyKey(header: string): string | null {
  const [, quoted, plain] = KEY.exec(header.trim()) ?? [];
  return quoted?.replaceAll(/\\(["\\])/g, "$1") ?? plain ?? null;
}
