import { createHash } from "node:crypto";
import { parsePointer, valueAt } from "./json-pointer.ts";

/** Which events a destination is told of, as plain JSON, which is kept with the destination. */
export interface DeliveryFilter {
  /** Types; one that ends in `*` stands for all that begin so. Empty for all. */
  readonly events: readonly string[];
  /** Pairs in canonical form; empty for all events, also those of no pair. */
  readonly pairs: readonly string[];
  /** Values by JSON Pointer into the data: what each pointer refers to has to be one of those listed. */
  readonly where: readonly {
    readonly pointer: string;
    readonly values: readonly (string | number | boolean | null)[];
  }[];
}

/** What an event is filtered by; `data` as `JSON.parse` gives it. */
export interface FilteredEvent {
  readonly type: string;
  readonly pair: string | null;
  readonly data: unknown;
}

/** A key that is stored as it is: short, and of characters that every store keeps. */
const PLAIN_KEY = /^[\x20-\x7e]{1,200}$/;

/** Returns whether a destination is told of an event. A value that is not there equals no value, not even null. */
export function matches({ events, pairs, where }: DeliveryFilter, { type, pair, data }: FilteredEvent): boolean {
  return (
    (events.length === 0 || events.some((wanted) => isOfType(type, wanted))) &&
    (pairs.length === 0 || (pair !== null && pairs.includes(pair))) &&
    where.every(({ pointer, values }) => {
      const found = valueAt(data, parsePointer(pointer));
      return values.some((value) => value === found);
    })
  );
}

function isOfType(type: string, wanted: string): boolean {
  return wanted.endsWith("*") ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
}

/**
 * Returns the key within which events are delivered in order: the value at the pointer, or the event's pair, or its id,
 * the first that there is. It has at most 200 printable ASCII characters: any other is replaced by its hash.
 * @param pointer JSON Pointer into the data; "" for none; null where no order is kept, which gives null
 */
export function orderKeyOf(
  pointer: string | null,
  { id, pair, data }: { readonly id: string; readonly pair: string | null; readonly data: unknown },
): string | null {
  if (pointer === null) return null;
  const found = pointer === "" ? undefined : valueAt(data, parsePointer(pointer));
  const key =
    typeof found === "string" ? found : found === undefined || found === null ? (pair ?? id) : JSON.stringify(found);
  return PLAIN_KEY.test(key) ? key : `sha256:${createHash("sha256").update(key).digest("hex")}`;
}
