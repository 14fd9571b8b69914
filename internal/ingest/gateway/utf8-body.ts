import { PROBLEMS, Problem } from "../../http/problem.ts";

/** Of the longest mark that is looked for. */
const START_BYTES = 3;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const REFUSED = [
  { start: Buffer.from([0x1f, 0x8b]), detail: "the body is gzip: send it with Content-Encoding: gzip" },
  { start: Buffer.from([0xff, 0xfe]), detail: "the body is UTF-16: send it as UTF-8" },
  { start: Buffer.from([0xfe, 0xff]), detail: "the body is UTF-16: send it as UTF-8" },
];

/**
 * Yields the bytes of a text, without a byte order mark.
 * @throws Problem where it is in another encoding than the headers say, which would look like a text of bad rows
 */
export async function* utf8Body(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let start: Buffer | null = Buffer.alloc(0);
  for await (const chunk of bytes) {
    if (start === null) {
      yield chunk;
      continue;
    }
    start = Buffer.concat([start, chunk]);
    if (start.length < START_BYTES) continue;
    yield textOf(start);
    start = null;
  }
  if (start !== null) yield textOf(start);
}

function textOf(bytes: Buffer): Buffer {
  const refused = REFUSED.find(({ start }) => bytes.subarray(0, start.length).equals(start));
  if (refused !== undefined) throw new Problem(PROBLEMS["malformed-body"], refused.detail);
  return bytes.subarray(0, START_BYTES).equals(BYTE_ORDER_MARK) ? bytes.subarray(START_BYTES) : bytes;
}
