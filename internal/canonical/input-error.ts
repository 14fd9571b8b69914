/** Invalid input. The message says what is wrong and what is expected; it is safe to show to the user. */
export class InputError extends Error {
  override readonly name = "InputError";
}

/** Quotes and truncates a text for a message. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
