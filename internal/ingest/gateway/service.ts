import type { Micros } from "../../canonical/time.ts";
import { asError } from "../../lib/as-error.ts";
import { groupCalls } from "../../lib/grouped-calls.ts";
import { keepCalling } from "../../lib/keep-calling.ts";
import { makeSemaphore, type Semaphore } from "../../lib/semaphore.ts";
import { within } from "../../lib/within.ts";
import type { Policy } from "../../policy/policy.ts";
import type { Database } from "../../storage/connection/database.ts";
import { EVENTS_TENANT, type NewEvent } from "../../storage/events/event.ts";
import { type EventTrace, readTraces } from "../../storage/events/trace.ts";
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
import type { EventResult } from "../event-writer.ts";
import { makeEventWriter } from "../event-writer.ts";
import type { Journal } from "../journal/journal.ts";
import { makeJournalTurn } from "../journal-turn.ts";
import {
  eventRecord,
  RECORD_KINDS,
  readAnswerRecord,
  readEventRecord,
  readQuarantinedRecord,
  readTradesRecord,
  tradesRecord,
} from "../records.ts";
import type { RowResult, SentTrade } from "../sent-trade.ts";
import { makeTradeWriter, quarantinedTrade } from "../trade-writer.ts";
import { drainFailed, journalDrained, quarantineCounted, upkeepFailed } from "./events.ts";
import { type IdempotencyKeys, makeIdempotencyKeys } from "./idempotency-keys.ts";
import { probeJournal } from "./journal-probe.ts";
import { makeQuarantineKeeper } from "./quarantine-keeper.ts";
import { quarantinedEvent } from "./quarantined-event.ts";

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
  /** Events are recorded in the order in which they were acknowledged. */
  readonly events: DurableWrites<NewEvent, EventResult>;
  /** Returns the ways of the events with an id: of a sender, or where that is null, of all. */
  readonly traces: (id: string, sender: string | null) => Promise<EventTrace[]>;
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
/** An event is larger than a trade, and has a job for each destination. */
const EVENT_GROUPS = { maxItems: 200, parallel: 2 };
const UPKEEP_SECONDS = 60;
const PROBE_SECONDS = 10;
const STOP_SECONDS = 5;
const ANSWERS_KEPT_SECONDS = 86_400;

/** Starts a gateway: it drains the journal, counts and trims the quarantine, and takes trades. */
export function startGateway(parts: GatewayParts): GatewayService {
  const { database, journal, quarantine } = parts;
  const writeTrades = makeTradeWriter(database, parts.policy, parts);
  const trades = makeDurableWrites(groupCalls(writeTrades, GROUPS), tradesRecord, journal);
  const writeEvents = makeEventWriter(database, EVENTS_TENANT);
  const turn = makeJournalTurn(() => journal?.state().depth ?? 0);
  const events = makeDurableWrites(
    groupCalls(writeEvents, EVENT_GROUPS),
    ([event]) => eventRecord(event as NewEvent),
    journal,
    turn.come,
  );
  const handlers = new Map<number, RecordHandler>([
    [RECORD_KINDS.trades, (payloads) => storeDrained(payloads.flatMap(readTradesRecord))],
    [RECORD_KINDS.event, (payloads) => recordDrained(payloads.map(readEventRecord))],
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

  /** Records acknowledged events, as {@link storeDrained} stores trades. */
  async function recordDrained(acknowledged: readonly NewEvent[]): Promise<void> {
    for (let start = 0; start < acknowledged.length; start += EVENT_GROUPS.maxItems) {
      const group = acknowledged.slice(start, start + EVENT_GROUPS.maxItems);
      const results = await writeEvents(group);
      const refused = group.flatMap((event, index) => {
        const result = results[index];
        return result?.status === "rejected" ? quarantinedEvent(event, result.reason) : [];
      });
      await addToQuarantine(database.sql, refused);
    }
    events.trust();
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
            onDrained: (records) => {
              turn.drained();
              journalDrained.publish({ records });
            },
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
    events,
    traces: (id, sender) => database.breaker.run(() => readTraces(database.sql, EVENTS_TENANT, id, sender)),
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
