/** A line of a text file; the first is number 1. */
export interface Line {
  readonly number: number;
  readonly text: string;
}

/** Lines beyond this many characters come out cut, one character longer than this. */
export const LONGEST_LINE = 65_536;

/**
 * The lines of UTF-8 text, some at a time, without their `\n` or `\r\n` and without a byte order mark. A last line
 * without an end counts, but not where `chunks` throws: then it is likely half a line.
 */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line[]> {
  const decoder = new TextDecoder();
  let number = 0;
  let rest = "";
  const finish = (text: string): Line => {
    number += 1;
    return { number, text: (text.endsWith("\r") ? text.slice(0, -1) : text).slice(0, LONGEST_LINE + 1) };
  };
  for await (const chunk of chunks) {
    const texts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = (texts.pop() ?? "").slice(0, LONGEST_LINE + 1);
    if (texts.length > 0) yield texts.map(finish);
  }
  rest += decoder.decode();
  if (rest !== "") yield [finish(rest)];
}
