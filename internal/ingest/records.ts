import type { TradeTexts } from "../canonical/trade.ts";
import type { NewEvent } from "../storage/events/event.ts";
import type { KeptAnswer } from "../storage/ingest/idempotency-keys.ts";
import type { Quarantined } from "../storage/ingest/quarantine.ts";
import type { JournalRecord } from "./journal/frame.ts";
import { readSentTrade, type SentTrade, tradeTexts } from "./sent-trade.ts";

/** The kinds of records in the journal; a number is never given another meaning. */
export const RECORD_KINDS = { trades: 1, quarantined: 2, answer: 3, probe: 4, event: 5 } as const;

interface StoredTrades {
  readonly sender: string;
  readonly trades: readonly TradeTexts[];
}

/** @param trades of one sender */
export function tradesRecord(trades: readonly SentTrade[]): JournalRecord {
  const content: StoredTrades = { sender: trades[0]?.sender ?? "", trades: trades.map(tradeTexts) };
  return { kind: RECORD_KINDS.trades, payload: Buffer.from(JSON.stringify(content)) };
}

export function readTradesRecord(payload: Uint8Array): SentTrade[] {
  const { sender, trades } = JSON.parse(Buffer.from(payload).toString()) as StoredTrades;
  return trades.map((texts) => readSentTrade(texts, sender));
}

export function quarantinedRecord(entry: Quarantined): JournalRecord {
  const content = Buffer.from(entry.content).toString("base64");
  return { kind: RECORD_KINDS.quarantined, payload: Buffer.from(JSON.stringify({ ...entry, content })) };
}

export function readQuarantinedRecord(payload: Uint8Array): Quarantined {
  const entry = JSON.parse(Buffer.from(payload).toString()) as Quarantined & { content: string };
  return { ...entry, content: Buffer.from(entry.content, "base64") };
}

export function answerRecord(answer: KeptAnswer): JournalRecord {
  const fingerprint = answer.fingerprint.toString("base64");
  return { kind: RECORD_KINDS.answer, payload: Buffer.from(JSON.stringify({ ...answer, fingerprint })) };
}

export function readAnswerRecord(payload: Uint8Array): KeptAnswer {
  const answer = JSON.parse(Buffer.from(payload).toString()) as Omit<KeptAnswer, "fingerprint"> & {
    fingerprint: string;
  };
  return { ...answer, fingerprint: Buffer.from(answer.fingerprint, "base64") };
}

export function eventRecord(event: NewEvent): JournalRecord {
  const content = { ...event, receivedAt: String(event.receivedAt) };
  return { kind: RECORD_KINDS.event, payload: Buffer.from(JSON.stringify(content)) };
}

export function readEventRecord(payload: Uint8Array): NewEvent {
  const event = JSON.parse(Buffer.from(payload).toString()) as Omit<NewEvent, "receivedAt"> & { receivedAt: string };
  return { ...event, receivedAt: BigInt(event.receivedAt) };
}
