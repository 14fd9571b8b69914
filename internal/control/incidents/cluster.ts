/** In characters: failures are alike by how their messages begin. */
const MAX_LENGTH = 160;
const MAX_READ = 2_000;

/** What differs from failure to failure, by what stands for it; in this order, since each may contain what comes later. */
const VARIABLE: readonly (readonly [RegExp, string])[] = [
  [/\b[a-z][a-z0-9+.-]*:\/\/[^\s"'`<>]+/gi, "<address>"],
  [/"[^"]*"|(?<!\w)'[^']+'(?!\w)|`[^`]*`|“[^”]*”/g, "<text>"],
  [/\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, "<address>"],
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, "<n>"],
  [/(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])/gi, "<address>"],
  [/\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b/g, "<address>"],
  [/\b(?:0x)?(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi, "<n>"],
  // Ids and numbers alike: an id may happen to have digits only.
  [/\b(?=\w*\d)\w{16,}\b/g, "<n>"],
  [/\d+(?:[.,:_-]\d+)*/g, "<n>"],
];

/**
 * Returns what failures of one cause have in common: the message without numbers, ids, quoted texts and addresses. It contains
 * no digit; of a result, the result is the same.
 */
export function clusterOf(message: string): string {
  let text = message.slice(0, MAX_READ);
  for (const [pattern, stand] of VARIABLE) text = text.replace(pattern, stand);
  return text
    .replace(/\p{Nd}+/gu, "<n>")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, MAX_LENGTH)
    .trimEnd();
}
