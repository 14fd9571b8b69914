import { readFileSync } from "node:fs";
import { InputError } from "../canonical/input-error.ts";
import type { Env } from "../config/env.ts";
import type { SecretValue } from "../config/sections/secret-value.ts";

/**
 * Returns a secret, read from where the configuration says.
 * @param key the key of the configuration, for the error
 * @throws InputError where a variable or file is not there, or is empty
 */
export function readSecret(value: SecretValue, key: string, env: Env): string {
  if (typeof value === "string") return value;
  const [text, from] =
    "env" in value ? [env[value.env], `the variable ${value.env}`] : [readText(value.file), `the file ${value.file}`];
  if (text === undefined)
    throw new InputError(`${key}: ${from} is not there, or cannot be read; set it, or change the key`);
  if (text === "") throw new InputError(`${key}: ${from} is empty; write the secret into it`);
  return text;
}

/** A file's text without its last line end, which editors add; undefined where it cannot be read. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch {
    return undefined;
  }
}
