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
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line[]> {
  const decoder = new TextDecoder();
  let number = 0;
  let rest = "";
  const finish = (text: string): Line => {
    number += 1;
    return { number, text: (text.endsWith("\r") ? text.slice(0, -1) : text).slice(0, MAX_LINE_LENGTH + 1) };
  };
  for await (const chunk of chunks) {
    const texts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = (texts.pop() ?? "").slice(0, MAX_LINE_LENGTH + 1);
    if (texts.length > 0) yield texts.map(finish);
  }
  rest += decoder.decode();
  if (rest !== "") yield [finish(rest)];
}
