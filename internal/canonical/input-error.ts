/** What somebody wrote cannot be used. The message says what is wrong and what would be right; it is safe to show. */
export class InputError extends Error {
  override readonly name = "InputError";
}
