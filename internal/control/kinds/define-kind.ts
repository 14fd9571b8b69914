import { z } from "zod";
import { InputError } from "../../canonical/input-error.ts";
import { parseTime } from "../../canonical/time.ts";
import type { Kind, Work } from "../kind.ts";

/** A payload is not what its kind takes; `error` names each wrong field. */
export class InvalidPayload extends InputError {
  readonly error: z.ZodError;

  constructor(message: string, error: z.ZodError) {
    super(message);
    this.error = error;
  }
}

/** Returns a kind whose payload has the schema. An unknown or wrong field is refused by name. */
export function defineKind<Schema extends z.ZodType>(
  { name, description, isEndless = false }: Pick<Kind, "name" | "description"> & Partial<Pick<Kind, "isEndless">>,
  schema: Schema,
  run: (payload: z.output<Schema>, ...given: Parameters<Work>) => ReturnType<Work>,
): Kind {
  const prepare = (payload: unknown): Work => {
    const parsed = schema.safeParse(payload);
    if (parsed.success) return (context, signal) => run(parsed.data, context, signal);
    const lines = parsed.error.issues.map(({ path, message }) => `/${path.join("/")}: ${message}`);
    throw new InvalidPayload(`payload ${lines.join("; ")}`, parsed.error);
  };
  return { name, description, isEndless, prepare };
}

/** A field whose text a function of the project parses; its InputError becomes the field's message. */
export function textField<T>(parse: (text: string) => T) {
  return z.string().transform((text, context): T => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      context.addIssue({ code: "custom", message: error.message });
      return z.NEVER;
    }
  });
}

export const timeField = textField(parseTime);
