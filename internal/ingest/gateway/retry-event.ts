import { Problem } from "../../http/problem.ts";
import type { QuarantineEntry } from "../../storage/ingest/quarantine.ts";
import type { EventWriter } from "../event-writer.ts";
import { readEvent } from "./read-event.ts";
import type { RetryOutcome } from "./retry-entry.ts";

/** Tries to record the event that is in an entry of the quarantine, for its sender. */
export async function retryEvent(entry: QuarantineEntry, write: EventWriter): Promise<RetryOutcome> {
  if (entry.isCut) return refused("only its start is kept: ask the sender for the rest");
  try {
    const { sender, receivedAt } = entry;
    const [result] = await write([{ ...readEvent(entry.content), sender, receivedAt, traceparent: null }]);
    return result?.status === "rejected" ? refused(result.reason) : { isDone: true, stored: 1, reason: null };
  } catch (error) {
    if (error instanceof Problem) return refused(error.message);
    throw error;
  }
}

function refused(reason: string): RetryOutcome {
  return { isDone: false, stored: 0, reason };
}
