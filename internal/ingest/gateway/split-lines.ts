const LINE_END = 0x0a;

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

  function take(): string | null {
    const line = length > maxBytes ? null : Buffer.concat(parts).toString();
    parts = [];
    length = 0;
    return line;
  }

  for await (const chunk of bytes) {
    const lines: (string | null)[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_END); end !== -1; end = chunk.indexOf(LINE_END, start)) {
      add(chunk.subarray(start, end));
      lines.push(take());
      start = end + 1;
    }
    add(chunk.subarray(start));
    if (lines.length > 0) yield lines;
  }
  if (length > 0) yield [take()];
}
