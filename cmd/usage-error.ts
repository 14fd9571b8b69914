import { InputError } from "../internal/canonical/input-error.ts";

/** The command line asks for something that cannot be; exit status 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * What `read` makes of an option's text.
 * @throws UsageError that names the option, where the text cannot be used
 */
export function usage<T>(option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof InputError) throw new UsageError(`${option}: ${error.message}`);
    throw error;
  }
}
