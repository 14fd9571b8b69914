/** Returns a thrown value as an Error, wrapping it if it is something else. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
