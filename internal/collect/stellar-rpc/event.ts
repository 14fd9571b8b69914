import { InputError } from "../../canonical/input-error.ts";
import type { Micros } from "../../canonical/time.ts";
import { InvalidMessage, listField, member, textField, timeField } from "../wire.ts";
import { readScVal, type ScVal } from "./sc-val.ts";

/** An event of a contract, as `getEvents` tells it. */
export interface ContractEvent {
  /** Its place in the ledger, which is its cursor, too. */
  readonly id: string;
  readonly closedAt: Micros;
  readonly contract: string;
  readonly topics: readonly ScVal[];
  readonly value: ScVal;
  /** Whether the call that published it was carried out. Nodes that tell of no others leave it out. */
  readonly isSuccessful: boolean;
}

const CURSOR = /^(\d{1,19})-\d{1,10}$/;

/** @throws InvalidMessage that names the field */
export function readEvent(entry: unknown): ContractEvent {
  const id = textField(entry, "id");
  operationOf(id);
  const topics = listField(entry, "topic");
  return {
    ...{ id, closedAt: timeField(entry, "ledgerClosedAt"), contract: textField(entry, "contractId") },
    topics: topics.map((topic, index) => named(`topic[${index}]`, () => readScVal(String(topic)))),
    value: named("value", () => readScVal(textField(entry, "value"))),
    isSuccessful: member(entry, "inSuccessfulContractCall") !== false,
  };
}

/** Returns the operation in which an event happened: the number that SEP-35 gives it. @throws InvalidMessage */
export function operationOf(id: string): bigint {
  const [, operation] = CURSOR.exec(id) ?? [];
  if (operation === undefined) throw new InvalidMessage(`${JSON.stringify(id.slice(0, 60))} is no id of an event`);
  return BigInt(operation);
}

/** Returns the ledger of an event's id, or of a cursor: the upper half of the number. @throws InvalidMessage */
export function ledgerOf(id: string): bigint {
  return operationOf(id) >> 32n;
}

function named<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof InputError ? new InvalidMessage(`${name} ${error.message}`) : error;
  }
}
