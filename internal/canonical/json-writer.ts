import { z } from "zod";

type Write = (value: unknown) => string;

/** Matches text that JSON may have to escape. */
const SPECIAL = /[^ !#-[\]-~]/;

/**
 * Returns a function that writes values of a schema as JSON without blanks: keys in the order of the schema, without
 * those that it does not have and those whose value is undefined. It does not check the values.
 */
export function jsonWriter(schema: z.ZodType): Write {
  if (schema instanceof z.ZodObject) return objectWriter(schema);
  if (schema instanceof z.ZodArray) {
    const write = jsonWriter(schema.element as z.ZodType);
    return (value) => `[${(value as readonly unknown[]).map((item) => write(item)).join(",")}]`;
  }
  if (schema instanceof z.ZodOptional) return jsonWriter(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodNullable) {
    const write = jsonWriter(schema.unwrap() as z.ZodType);
    return (value) => (value === null ? "null" : write(value));
  }
  if (schema instanceof z.ZodDiscriminatedUnion) return unionWriter(schema);
  if (schema instanceof z.ZodString) return (value) => textOf(value as string);
  if (schema instanceof z.ZodNumber || schema instanceof z.ZodBoolean) return String;
  return (value) => JSON.stringify(value);
}

function objectWriter({ shape }: z.ZodObject): Write {
  const fields = Object.entries(shape).map(([key, schema]) => ({
    key,
    name: `${JSON.stringify(key)}:`,
    write: jsonWriter(schema as z.ZodType),
  }));
  return (value) => {
    let text = "";
    for (const { key, name, write } of fields) {
      const field = (value as Readonly<Record<string, unknown>>)[key];
      if (field !== undefined) text += (text === "" ? "" : ",") + name + write(field);
    }
    return `{${text}}`;
  };
}

function unionWriter({ options, def: { discriminator } }: z.ZodDiscriminatedUnion): Write {
  const writers = new Map<unknown, Write>();
  for (const option of options as readonly z.ZodObject[]) {
    const { values } = option.shape[discriminator] as z.ZodLiteral;
    for (const value of values) writers.set(value, objectWriter(option));
  }
  return (value) => {
    const write = writers.get((value as Readonly<Record<string, unknown>>)[discriminator]);
    if (write === undefined) throw new TypeError(`no option of the schema has this ${discriminator}`);
    return write(value);
  };
}

function textOf(text: string): string {
  return SPECIAL.test(text) ? JSON.stringify(text) : `"${text}"`;
}
