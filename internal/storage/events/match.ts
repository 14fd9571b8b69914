import type { DeliveryFilter, Destination } from "./destinations.ts";
import type { NewEvent } from "./event.ts";

const MAX_KEY_LENGTH = 256;

/**
 * Returns whether events like this one go to a destination.
 * @param data the event's data, parsed
 */
export function isToldOf(filter: DeliveryFilter, event: Pick<NewEvent, "type" | "pair">, data: unknown): boolean {
  return (
    mayBeToldOf(filter, event) &&
    filter.where.every(({ pointer, values }) => values.some((value) => value === valueAt(data, pointer)))
  );
}

/** Returns whether events of this type and pair go to a destination, whatever their data, or depending on them. */
export function mayBeToldOf(
  { events, pairs }: DeliveryFilter,
  { type, pair }: Pick<NewEvent, "type" | "pair">,
): boolean {
  return (
    (events.length === 0 || events.some((wanted) => isOfType(type, wanted))) &&
    (pairs.length === 0 || (pair !== null && pairs.includes(pair)))
  );
}

function isOfType(type: string, wanted: string): boolean {
  return wanted.endsWith("*") ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
}

/** Returns the key within which an event is delivered in order; null where the destination keeps no order. */
export function orderKeyOf(
  { orderKey }: Pick<Destination, "orderKey">,
  { pair, id }: Pick<NewEvent, "pair" | "id">,
  data: unknown,
): string | null {
  if (orderKey === null) return null;
  const found = orderKey === "" ? (pair ?? id) : valueAt(data, orderKey);
  return (typeof found === "string" ? found : JSON.stringify(found ?? null)).slice(0, MAX_KEY_LENGTH);
}

/** Returns the value that a JSON pointer (RFC 6901) refers to; undefined where there is none. */
function valueAt(data: unknown, pointer: string): unknown {
  let value = data;
  for (const part of pointer.split("/").slice(1)) {
    if (typeof value !== "object" || value === null) return undefined;
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (!Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
