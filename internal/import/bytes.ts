import { createGunzip } from "node:zlib";
import { BrokenFile } from "../lib/broken-file.ts";

/**
 * Yields content in chunks and decompresses gzip, which it detects by the first two bytes.
 * @throws BrokenFile where gzip data is truncated or damaged; all content before that has been yielded
 */
export async function* unpacked(pieces: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    const first = await pieces.next();
    if (first.done === true) return;
    if (first.value[0] === 0x1f && first.value[1] === 0x8b) yield* unpack(first.value, pieces);
    else {
      yield first.value;
      yield* pieces;
    }
  } finally {
    await pieces.return(undefined);
  }
}

// A stream's async iterator drops buffered data on failure; "data" events deliver everything before the damage.
async function* unpack(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  let ready: Buffer[] = [];
  const takeReady = (): Buffer[] => {
    const taken = ready;
    ready = [];
    return taken;
  };
  gunzip.on("data", (chunk: Buffer) => ready.push(chunk));
  const ended = new Promise<Error | null>((resolve) => {
    gunzip.once("error", resolve);
    gunzip.once("end", () => resolve(null));
  });
  // On damage, or with bytes after the end of the gzip data, the callback of the pending write is never called.
  let resume = (): void => {};
  gunzip.once("error", () => resume()).once("end", () => resume());
  const feed = (piece: Buffer): Promise<void> =>
    new Promise((resolve) => {
      resume = resolve;
      gunzip.write(piece, () => resolve());
    });
  try {
    await feed(first);
    yield* takeReady();
    for await (const piece of rest) {
      if (gunzip.errored !== null) break;
      await feed(piece);
      yield* takeReady();
    }
    if (gunzip.errored === null) gunzip.end();
    const failure = await ended;
    yield* takeReady();
    if (failure !== null) throw new BrokenFile(explain(failure));
  } finally {
    gunzip.destroy();
  }
}

function explain(failure: NodeJS.ErrnoException): string {
  if (failure.code === "Z_BUF_ERROR") {
    return "its gzip data is truncated, as after an interrupted copy; get the file again and import it again";
  }
  // The start was detected as gzip, so the invalid header comes after the end of the gzip data.
  return failure.message === "incorrect header check"
    ? "its gzip data is followed by other bytes; unpack it (gzip -dc FILE > trades.csv), check it, and import that"
    : `its gzip data is damaged (${failure.message}); get the file again and import it again`;
}
