import { z } from "@hono/zod-openapi";

/**
 * Returns the schema of answers that hold values of a stored schema, for the OpenAPI document, with the descriptions and
 * examples that the fields have. Checks of text stay out: they are about what is stored. The alternatives of a union
 * become one object, where a field that not all of them have is optional. To be called once for each schema: the library
 * keeps descriptions, and with them their schemas, for the life of the process.
 */
export function documented(schema: z.ZodType): z.ZodType {
  const notes = schema.meta();
  const plain = withoutNotes(schema);
  return notes === undefined ? plain : plain.openapi(notes as object);
}

/** {@link documented} for each field of an object. */
export function documentedFields<Shape extends z.ZodRawShape>(shape: Shape): { [key in keyof Shape]: z.ZodType } {
  const entries = Object.entries(shape).map(([key, field]) => [key, documented(field as z.ZodType)]);
  return Object.fromEntries(entries) as { [key in keyof Shape]: z.ZodType };
}

function withoutNotes(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodObject) return z.object(documentedFields(schema.shape));
  if (schema instanceof z.ZodArray) return z.array(documented(schema.element as z.ZodType));
  if (schema instanceof z.ZodOptional) return documented(schema.unwrap() as z.ZodType).optional();
  if (schema instanceof z.ZodNullable) return documented(schema.unwrap() as z.ZodType).nullable();
  if (schema instanceof z.ZodDiscriminatedUnion) return alternatives(schema);
  if (schema instanceof z.ZodString) return z.string();
  return schema.clone();
}

function alternatives({ options, def: { discriminator } }: z.ZodDiscriminatedUnion): z.ZodType {
  const shapes = (options as readonly z.ZodObject[]).map(({ shape }) => shape as Readonly<Record<string, z.ZodType>>);
  const tags = shapes.map((shape) => shape[discriminator] as z.ZodLiteral<string>);
  const fields: Record<string, z.ZodType> = {};
  for (const [index, shape] of shapes.entries()) {
    for (const [key, field] of Object.entries(shape)) {
      if (shapes.every((other) => key in other)) fields[key] ??= documented(field);
      else fields[key] = only(field, tags[index]?.value);
    }
  }
  const meanings = tags.map((tag) => `\`${tag.value}\`: ${tag.meta()?.description}`);
  const values = tags.map(({ value }) => value);
  return z.object({ ...fields, [discriminator]: z.enum(values).openapi({ description: meanings.join("; ") }) });
}

/** A field of the alternative `tag`. */
function only(field: z.ZodType, tag = ""): z.ZodType {
  return documented(field)
    .optional()
    .openapi({ description: `${field.meta()?.description}; \`${tag}\` only` });
}
