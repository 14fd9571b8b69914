import { type ApiDocument, resolved, type Schema } from "./api-document.ts";
import { code } from "./markdown.ts";

/** A field of an answer: `data.sources[].share`. */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly isOptional: boolean;
  readonly description: string;
}

/** Returns all fields of an object and of the objects within it, in the order of the document. */
export function fieldsOf(schema: Schema, document: ApiDocument, prefix = ""): Field[] {
  const { properties = {}, required = [], items } = resolved(schema, document);
  if (items !== undefined) return fieldsOf(items, document, `${prefix}[]`);
  return Object.entries(properties).flatMap(([name, property]) => {
    const at = prefix === "" ? name : `${prefix}.${name}`;
    const { description = "" } = resolved(property, document);
    const field = { name: at, type: typeOf(property, document), isOptional: !required.includes(name), description };
    return [field, ...fieldsOf(property, document, at)];
  });
}

/** Returns the type of a value in words (`text`, `time`, `whole number`, `list`), or its allowed values. */
export function typeOf(schema: Schema, document: ApiDocument): string {
  const { type = "object", format, enum: values } = resolved(schema, document);
  const types = [type].flat();
  const ends = types.includes("null") ? " or null" : "";
  if (values !== undefined) return values.map((value) => code(JSON.stringify(value))).join(", ");
  if (format === "date-time") return `time${ends}`;
  return `${types.flatMap((name) => WORDS[name] ?? []).join(" or ")}${ends}`;
}

const WORDS: Readonly<Record<string, string>> = {
  string: "text",
  integer: "whole number",
  number: "number",
  boolean: "true or false",
  array: "list",
  object: "object",
};
