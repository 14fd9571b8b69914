import { z } from "zod";
import { secret } from "../secrets.ts";

/** A secret, or where it is read from: a variable of the environment, or a file without its last line end. */
export type SecretValue = string | { readonly env: string } | { readonly file: string };

const FORMS = '{ env = "NAME" } or { file = "PATH" }';

/** A field with a secret. @param written the form of one that is written out, for messages */
export function secretValueField(text: z.ZodString, written: string) {
  const env = z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) });
  const file = z.strictObject({ file: z.string().min(1).max(4096) });
  return z.union([text, env, file]).meta(secret("whole")).describe(`${written}, ${FORMS}`);
}
