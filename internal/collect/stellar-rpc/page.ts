import type { Micros } from "../../canonical/time.ts";
import { InvalidMessage, listField, member, numberField, secondsTime, textField, wholeField } from "../wire.ts";
import { ledgerOf, operationOf } from "./event.ts";
import { resultOf } from "./rpc.ts";

/** Events of a page; nodes give up to 10 000. */
export const PAGE = 1000;

/** A ledger and when it was closed. */
export interface ClosedLedger {
  readonly sequence: bigint;
  readonly closedAt: Micros;
}

/** A page of events that were asked for. */
export interface EventPage {
  /** In their order, each once, and of whole transactions. */
  readonly events: readonly unknown[];
  /** After which the next page begins. */
  readonly cursor: string;
  /** Nothing is missing up to the end of this ledger. */
  readonly through: bigint;
  /** The newest and the oldest ledger of the node. */
  readonly newest: ClosedLedger;
  readonly oldest: ClosedLedger;
}

/** Reads the answer to `getEvents`. @throws InvalidMessage, and what {@link resultOf} throws */
export function readPage(text: string): EventPage {
  const result = resultOf(text, "getEvents");
  const told = listField(result, "events");
  const events = told.filter((event, index) => index === 0 || member(event, "id") !== member(told[index - 1], "id"));
  const page = {
    newest: closedLedger(result, "latest"),
    oldest: closedLedger(result, "oldest"),
  };
  const cursor = textField(result, "cursor");
  const last = events.at(-1);
  // The cursor of a page that is not full is the end of what was searched.
  if (told.length < PAGE && member(last, "id") !== cursor)
    return { ...page, events, cursor, through: ledgerOf(cursor) };
  // The last transaction may go on behind the page, unless it is all of the page.
  const cut = transactionOf(last);
  const whole = events.filter((event) => transactionOf(event) !== cut);
  const kept = whole.length > 0 ? whole : events;
  const end = textField(kept.at(-1), "id");
  return { ...page, events: kept, cursor: end, through: ledgerOf(end) - 1n };
}

function closedLedger(result: unknown, name: "latest" | "oldest"): ClosedLedger {
  return {
    sequence: wholeField(result, `${name}Ledger`),
    closedAt: secondsTime(numberField(result, `${name}LedgerCloseTime`), `${name}LedgerCloseTime`),
  };
}

/** The operation is the lowest 12 bits of the number. */
function transactionOf(event: unknown): bigint {
  if (event === undefined) throw new InvalidMessage("the page is full, and has no events");
  return operationOf(textField(event, "id")) >> 12n;
}
