/** A line of a text file; the first is number 1. */
export interface Line {
  readonly number: number;
  readonly text: string;
}

/** Maximum length of a line; longer ones are truncated to one character more, so that they can be recognized. */
export const MAX_LINE_LENGTH = 65_536;

/**
 * Yields the lines of UTF-8 text in groups, without `\n`, `\r\n` and byte order mark. A last line without a line end is
 * yielded, but not if `chunks` throws, because it is then probably incomplete.
 */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  maxLength: number = MAX_LINE_LENGTH,
): AsyncGenerator<Line[]> {
  const decoder = new TextDecoder();
  let number = 0;
  // A line's pieces are joined at its end, so that a long one is not copied with every chunk.
  let rest: string[] = [];
  let restLength = 0;
  const keep = (piece: string): void => {
    if (restLength > maxLength) return;
    rest.push(piece);
    restLength += piece.length;
  };
  const finish = (text: string): Line => {
    number += 1;
    return { number, text: (text.endsWith("\r") ? text.slice(0, -1) : text).slice(0, maxLength + 1) };
  };
  for await (const chunk of chunks) {
    const texts = decoder.decode(chunk, { stream: true }).split("\n");
    if (texts.length > 1) {
      keep(texts[0] ?? "");
      texts[0] = rest.join("");
      rest = [];
      restLength = 0;
    }
    keep(texts.pop() ?? "");
    if (texts.length > 0) yield texts.map(finish);
  }
  keep(decoder.decode());
  if (restLength > 0) yield [finish(rest.join(""))];
}
