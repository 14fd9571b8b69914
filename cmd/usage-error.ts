import { InputError } from "../internal/canonical/input-error.ts";

/** The command line is invalid; exit status 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Returns an option's value, parsed by `read`.
 * @throws UsageError that names the option, where `read` throws InputError
 */
export function parseOption<T>(option: string, read: () => T): T {
  return asUsage(read, (message) => `${option}: ${message}`);
}

/**
 * Returns what `read` returns.
 * @throws UsageError where it throws InputError
 */
export function asUsage<T>(read: () => T, messageOf: (message: string) => string = (message) => message): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof InputError) throw new UsageError(messageOf(error.message));
    throw error;
  }
}

/**
 * Returns an option's text.
 * @throws UsageError where it is empty, or longer than that many characters
 */
export function textOf(option: string, text: string, max: number): string {
  if (text.trim() !== "" && [...text].length <= max) return text;
  throw new UsageError(`${option}: give 1 to ${max} characters`);
}
