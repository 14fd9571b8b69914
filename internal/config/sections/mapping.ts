import { z } from "zod";
import { parsePointer } from "../../lib/json-pointer.ts";
import { isTable, type Table } from "../toml.ts";
import { type IssueSink, readOr } from "./fields.ts";
import { report, tableField } from "./tables.ts";

/** What a mapping may take of the event itself. `delivery_id` is the same at each attempt to tell the destination of it. */
export const EVENT_FIELDS = ["id", "type", "sender", "pair", "sequence", "recorded_at", "delivery_id"] as const;
export type EventField = (typeof EVENT_FIELDS)[number];

export type Scalar = string | number | boolean;
export type Constant = Scalar | readonly Scalar[];

/** What stands in for a value that is not there, or not in the table. */
export type Missing = { readonly to: "fail" | "null" | "omit" } | { readonly to: "default"; readonly value: Constant };

/** How one value of what is sent is made. */
export type Mapped =
  | { readonly kind: "constant"; readonly value: Constant }
  | ({ readonly kind: "pointer"; readonly pointer: string } & Lookup)
  | ({ readonly kind: "event"; readonly field: EventField } & Lookup)
  | { readonly kind: "fields"; readonly fields: Mapping };

interface Lookup {
  /** Values by what is found; null where that itself is sent. */
  readonly table: ReadonlyMap<string, Constant> | null;
  readonly missing: Missing;
}

/** How each field of what is sent is made, by its name. */
export type Mapping = ReadonlyMap<string, Mapped>;

const MISSING = ["fail", "null", "omit"] as const;
const KEYS_OF_A_LOOKUP = ["from", "event", "table", "default", "missing"];

/** `field = "constant"`, `field = { from = "/pointer" }`, `field = { event = "id" }`, or a table of such. */
export const mappingField = z.codec(tableField, z.custom<Mapping>(), {
  decode: (table, context) => {
    const mapping = readFields(table, [], context);
    return context.issues.length > 0 ? z.NEVER : mapping;
  },
  encode: writeFields,
});

function readFields(table: Table, path: PropertyKey[], sink: IssueSink): Mapping {
  return new Map(
    Object.entries(table).flatMap(([name, value]) => {
      const mapped = readMapped(value, [...path, name], sink);
      return mapped === null ? [] : [[name, mapped] as const];
    }),
  );
}

function readMapped(value: unknown, path: PropertyKey[], sink: IssueSink): Mapped | null {
  if (!isTable(value)) {
    const constant = readConstant(value, path, sink);
    return constant === null ? null : { kind: "constant", value: constant };
  }
  // A field of what is sent may be called "from", too: its value is then a table.
  if (typeof value["from"] !== "string" && typeof value["event"] !== "string") {
    return { kind: "fields", fields: readFields(value, path, sink) };
  }
  return readLookup(value, path, sink);
}

function readLookup(value: Table, path: PropertyKey[], sink: IssueSink): Mapped | null {
  const other = Object.keys(value).find((name) => !KEYS_OF_A_LOOKUP.includes(name));
  if (other !== undefined) {
    return refuse(
      sink,
      [...path, other],
      value,
      "is not a known key beside from or event",
      `${KEYS_OF_A_LOOKUP.join(", ")}; a field that is called from or event needs a table as its value`,
    );
  }
  const { from, event } = value;
  const table = readTableOf(value["table"], [...path, "table"], sink);
  const missing = readMissing(value, path, sink);
  if (from !== undefined && event !== undefined)
    return refuse(sink, path, value, "has both from and event", "one of them");
  if (typeof from === "string") {
    if (readOr(() => parsePointer(from), from, sink, [...path, "from"]) === null) return null;
    return { kind: "pointer", pointer: from, table, missing };
  }
  const field = EVENT_FIELDS.find((name) => name === event);
  if (field === undefined) {
    const right = `one of ${EVENT_FIELDS.join(", ")}`;
    return refuse(sink, [...path, "event"], event, `is ${JSON.stringify(event)}`, right);
  }
  return { kind: "event", field, table, missing };
}

function readTableOf(value: unknown, path: PropertyKey[], sink: IssueSink): ReadonlyMap<string, Constant> | null {
  if (value === undefined) return null;
  if (!isTable(value)) return refuse(sink, path, value, "is not a table", 'a table such as { A = "x" }');
  return new Map(
    Object.entries(value).flatMap(([key, each]) => {
      const constant = readConstant(each, [...path, key], sink);
      return constant === null ? [] : [[key, constant] as const];
    }),
  );
}

function readMissing(value: Table, path: PropertyKey[], sink: IssueSink): Missing {
  const { default: usual, missing } = value;
  if (usual !== undefined) {
    if (missing !== undefined) report(sink, [...path, "missing"], missing, "is there beside default");
    return { to: "default", value: readConstant(usual, [...path, "default"], sink) ?? "" };
  }
  const to = missing === undefined ? "fail" : MISSING.find((each) => each === missing);
  if (to !== undefined) return { to };
  refuse(sink, [...path, "missing"], missing, `is ${JSON.stringify(missing)}`, 'one of "fail", "null", "omit"');
  return { to: "fail" };
}

function readConstant(value: unknown, path: PropertyKey[], sink: IssueSink): Constant | null {
  if (isScalar(value) || (Array.isArray(value) && value.every(isScalar))) return value;
  return refuse(sink, path, value, "is no constant", "a text, a number, true, false, or a list of such");
}

/** Whether JSON can write it: infinity and dates it cannot. */
export function isScalar(value: unknown): value is Scalar {
  return typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}

function refuse(sink: IssueSink, path: PropertyKey[], input: unknown, message: string, right: string): null {
  sink.issues.push({ code: "custom", message, input, path, params: { right } });
  return null;
}

function writeFields(mapping: Mapping): Table {
  return Object.fromEntries([...mapping].map(([name, mapped]) => [name, writeMapped(mapped)]));
}

function writeMapped(mapped: Mapped): unknown {
  switch (mapped.kind) {
    case "constant":
      return mapped.value;
    case "fields":
      return writeFields(mapped.fields);
    case "pointer":
      return { from: mapped.pointer, ...writeLookup(mapped) };
    case "event":
      return { event: mapped.field, ...writeLookup(mapped) };
  }
}

function writeLookup({ table, missing }: Lookup): Table {
  return {
    ...(table === null ? {} : { table: Object.fromEntries(table) }),
    ...(missing.to === "default" ? { default: missing.value } : {}),
    ...(missing.to === "null" || missing.to === "omit" ? { missing: missing.to } : {}),
  };
}
