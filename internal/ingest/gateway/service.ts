import type { Micros } from "../../canonical/time.ts";
import { asError } from "../../lib/as-error.ts";
import { groupCalls } from "../../lib/grouped-calls.ts";
import { keepCalling } from "../../lib/keep-calling.ts";
import { makeSemaphore, type Semaphore } from "../../lib/semaphore.ts";
import { within } from "../../lib/within.ts";
import type { Policy } from "../../policy/policy.ts";
import type { Database } from "../../storage/connection/database.ts";
import { keepAnswer, trimAnswers } from "../../storage/ingest/idempotency-keys.ts";
import {
  addToQuarantine,
  countQuarantine,
  type Quarantined,
  type QuarantineLimits,
  trimQuarantine,
} from "../../storage/ingest/quarantine.ts";
import { drain, type RecordHandler } from "../drainer.ts";
import { type Deadlines, type DurableWrites, makeDurableWrites } from "../durable-writes.ts";
import type { Journal } from "../journal/journal.ts";
import { RECORD_KINDS, readAnswerRecord, readQuarantinedRecord, readTradesRecord, tradesRecord } from "../records.ts";
import type { RowResult, SentTrade } from "../sent-trade.ts";
import { makeTradeWriter, quarantinedTrade } from "../trade-writer.ts";
import { drainFailed, journalDrained, quarantineCounted, upkeepFailed } from "./events.ts";
import { type IdempotencyKeys, makeIdempotencyKeys } from "./idempotency-keys.ts";
import { probeJournal } from "./journal-probe.ts";
import { makeQuarantineKeeper } from "./quarantine-keeper.ts";

/** How long the database and the journal have for the rows of a request, and for a group of rows of a stream. */
interface GatewayDeadlines {
  readonly request: Deadlines;
  readonly stream: Deadlines;
}

// The sender of a stream waits for its end, and nothing but the database takes rows without a journal.
const PATIENT: Deadlines = { database: 5, journal: 5 };
const DEADLINES: GatewayDeadlines = { request: { database: 0.2, journal: 0.25 }, stream: PATIENT };
const WITHOUT_JOURNAL: GatewayDeadlines = { request: PATIENT, stream: PATIENT };

/** What a gateway works with. */
export interface GatewayParts {
  readonly database: Database;
  /** Null where there is none: then only the database takes trades. */
  readonly journal: Journal | null;
  readonly policy: Policy;
  readonly quarantine: QuarantineLimits;
  /** By default, a request is answered within half a second. */
  readonly deadlines?: GatewayDeadlines;
  readonly now: () => Micros;
  /** A monotonic clock, in seconds. */
  readonly stopwatch: () => number;
}

/** A gateway at work. */
export interface GatewayService {
  readonly trades: DurableWrites<SentTrade, RowResult>;
  /** Keeps what cannot be read. */
  readonly keep: (entry: Quarantined) => Promise<void>;
  readonly idempotency: IdempotencyKeys;
  readonly deadlines: GatewayDeadlines;
  /** The turns in which large bodies, and groups of rows of streams, are worked on. */
  readonly turns: Semaphore;
  readonly now: () => Micros;
  /** Ends the upkeep, and the drainer once the records that it has taken are stored, within a few seconds. */
  readonly stop: () => Promise<void>;
}

const GROUPS = { maxItems: 2_000, parallel: 2 };
/** One is read while others are written. */
const TURNS = 4;
const UPKEEP_SECONDS = 60;
const PROBE_SECONDS = 10;
const STOP_SECONDS = 5;
const ANSWERS_KEPT_SECONDS = 86_400;

/** Starts a gateway: it drains the journal, counts and trims the quarantine, and takes trades. */
export function startGateway(parts: GatewayParts): GatewayService {
  const { database, journal, quarantine } = parts;
  const writeTrades = makeTradeWriter(database, parts.policy, parts);
  const trades = makeDurableWrites(groupCalls(writeTrades, GROUPS), tradesRecord, journal);
  const handlers = new Map<number, RecordHandler>([
    [RECORD_KINDS.trades, (payloads) => storeDrained(payloads.flatMap(readTradesRecord))],
    [RECORD_KINDS.quarantined, (payloads) => keepAll(payloads.map(readQuarantinedRecord))],
    [
      RECORD_KINDS.answer,
      (payloads) => each(payloads, (payload) => keepAnswer(database.sql, readAnswerRecord(payload))),
    ],
    [RECORD_KINDS.probe, async () => {}],
  ]);

  /** Stores acknowledged trades. What cannot be stored is kept in quarantine, since its sender believes it stored. */
  async function storeDrained(rows: readonly SentTrade[]): Promise<void> {
    const results = await writeTrades(rows);
    const refused = rows.flatMap((row, index) => {
      const result = results[index];
      return result?.status === "rejected" ? quarantinedTrade(row, "refused", result.reason) : [];
    });
    await addToQuarantine(database.sql, refused);
    trades.trust();
  }

  async function keepAll(entries: readonly Quarantined[]): Promise<void> {
    await addToQuarantine(database.sql, entries);
    await trimQuarantine(database.sql, quarantine);
  }

  const stopping = new AbortController();
  const draining =
    journal === null
      ? Promise.resolve()
      : drain(
          {
            journal,
            handlers,
            onDrained: (records) => journalDrained.publish({ records }),
            onFailure: (error, retryMs) => drainFailed.publish({ error, retryMs }),
          },
          stopping.signal,
        );
  const upkeep = keepCalling(
    UPKEEP_SECONDS,
    async () => {
      await trimQuarantine(database.sql, quarantine);
      await trimAnswers(database.sql, ANSWERS_KEPT_SECONDS);
      quarantineCounted.publish({ counts: await countQuarantine(database.sql) });
    },
    (error) => upkeepFailed.publish({ error: asError(error) }),
  );
  const probing = keepCalling(
    PROBE_SECONDS,
    async () => journal && probeJournal(journal),
    () => {},
  );

  return {
    trades,
    keep: makeQuarantineKeeper(keepAll, journal, PATIENT.journal),
    idempotency: makeIdempotencyKeys(database.sql, journal, trades.isTrusted),
    deadlines: parts.deadlines ?? (journal === null ? WITHOUT_JOURNAL : DEADLINES),
    turns: makeSemaphore(TURNS, parts.stopwatch),
    now: parts.now,
    stop: async () => {
      upkeep.stop();
      probing.stop();
      stopping.abort();
      // A database that hangs must not keep the process alive; what it has not stored stays in the journal.
      await within(STOP_SECONDS, draining, "the drainer waits for the database").catch(() => {});
    },
  };
}

async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (const item of items) await work(item);
}
