const LINE_END = 0x0a;
/** The most bytes of UTF-8 that one UTF-16 unit of a text stands for. */
const MAX_BYTES_OF_UNIT = 3;

/**
 * Splits bytes into lines of UTF-8, those of a chunk together; a CR at the end stays. A line that is too long is null, and
 * not kept in memory.
 */
export async function* splitLines(
  bytes: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<(string | null)[]> {
  let parts: Uint8Array[] = [];
  let length = 0;

  function add(part: Uint8Array): void {
    length += part.length;
    if (length <= maxBytes) parts.push(part);
    else parts = [];
  }

  const ifShort = (line: string): string | null =>
    line.length * MAX_BYTES_OF_UNIT <= maxBytes || Buffer.byteLength(line) <= maxBytes ? line : null;

  function take(): string | null {
    const line = length > maxBytes ? null : Buffer.concat(parts).toString();
    parts = [];
    length = 0;
    return line;
  }

  for await (const chunk of bytes) {
    const last = chunk.lastIndexOf(LINE_END);
    let start = 0;
    if (last !== -1) {
      const lines: (string | null)[] = [];
      if (length > 0) {
        start = chunk.indexOf(LINE_END) + 1;
        add(chunk.subarray(0, start - 1));
        lines.push(take());
      }
      // Whole lines are decoded together: a buffer for each would take longer than all that is done with it.
      const whole = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      if (start <= last) {
        for (const line of whole.toString("utf8", start, last).split("\n")) lines.push(ifShort(line));
      }
      start = last + 1;
      yield lines;
    }
    add(chunk.subarray(start));
  }
  if (length > 0) yield [take()];
}
