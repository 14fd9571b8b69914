import { formatTime } from "../canonical/time.ts";
import type { EventField, Mapped, Mapping, Missing } from "../config/sections/mapping.ts";
import { formatJson, JsonNumber, parseJson } from "../lib/exact-json.ts";
import { parsePointer, valueAt } from "../lib/json-pointer.ts";
import type { OutgoingEvent } from "./sender.ts";

/** A mapping asks for what an event does not have. The message names the field and what is missing. */
export class Unmappable extends Error {
  override readonly name = "Unmappable";
}

/** What a mapping takes from. */
interface Given {
  readonly event: OutgoingEvent;
  readonly deliveryId: string;
  readonly data: unknown;
}

/**
 * Makes the JSON text of what is sent of an event. Numbers of the data are written as they came.
 * @throws Unmappable where something is missing without a default; InvalidJson where the data are no JSON
 */
export function applyMapping(mapping: Mapping, event: OutgoingEvent, deliveryId: string): string {
  return formatJson(fieldsOf(mapping, { event, deliveryId, data: parseJson(event.body) }, ""));
}

/** Returns the fields; those that are omitted are undefined. */
function fieldsOf(mapping: Mapping, given: Given, path: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...mapping].map(([name, mapped]) => [name, made(mapped, given, `${path}${name}`)]));
}

function made(mapped: Mapped, given: Given, path: string): unknown {
  if (mapped.kind === "constant") return mapped.value;
  if (mapped.kind === "fields") return fieldsOf(mapped.fields, given, `${path}.`);
  const [origin, found] =
    mapped.kind === "pointer"
      ? [`data at ${JSON.stringify(mapped.pointer)}`, valueAt(given.data, parsePointer(mapped.pointer))]
      : [mapped.field, factOf(mapped.field, given)];
  if (found === undefined) return standIn(mapped.missing, `${path}: the event has no ${origin}`);
  if (mapped.table === null) return found;
  const key = keyOf(found);
  return (
    (key === null ? undefined : mapped.table.get(key)) ??
    standIn(mapped.missing, `${path}: the table has no entry for the ${origin}`)
  );
}

/** The name of a value in a table; null, lists and objects have none. */
function keyOf(value: unknown): string | null {
  if (value instanceof JsonNumber) return value.text;
  return typeof value === "string" || typeof value === "boolean" ? String(value) : null;
}

function standIn(missing: Missing, why: string): unknown {
  switch (missing.to) {
    case "default":
      return missing.value;
    case "null":
      return null;
    case "omit":
      return undefined;
    case "fail":
      throw new Unmappable(why);
  }
}

function factOf(field: EventField, { event, deliveryId }: Given): string | undefined {
  switch (field) {
    case "sequence":
      return String(event.sequence);
    case "recorded_at":
      return formatTime(event.recordedAt);
    case "delivery_id":
      return deliveryId;
    case "pair":
      return event.pair ?? undefined;
    default:
      return event[field];
  }
}
