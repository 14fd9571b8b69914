import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { BrokenFile } from "./broken-file.ts";

/**
 * The file's content in pieces, gzip unpacked (told by its first two bytes, not by the file's name).
 * @param onBytes called with the size of each piece of the file as it is on disk
 * @throws BrokenFile where the file cannot be read, was changed meanwhile, or its gzip data is cut short or damaged; whatever could be unpacked
 * has been yielded before that
 */
export async function* readBytes(path: string, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
  const pieces = readPieces(path, onBytes);
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

async function* readPieces(path: string, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
  let isChanged: boolean;
  try {
    const before = await stat(path);
    for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
      onBytes(piece.length);
      yield piece;
    }
    const after = await stat(path);
    isChanged = after.ino !== before.ino || after.size !== before.size || after.mtimeMs !== before.mtimeMs;
  } catch (error) {
    throw new BrokenFile(`cannot be read: ${(error as Error).message}`);
  }
  // Its last line may be half a row, and rows may be missing.
  if (isChanged) throw new BrokenFile("changed while it was read; import it again once nothing writes to it");
}

// A stream's own iterator drops what is buffered when it fails; collecting "data" keeps all that came before the damage.
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
  // On damage, or with bytes behind the end, the callback of the write under way is never called.
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
    return "its gzip data ends too early, as after a download or copy that was cut short; get the file again and import it again";
  }
  // It begins as gzip data does: only what stands behind its end can have another header.
  return failure.message === "incorrect header check"
    ? "bytes stand behind its gzip data that are none; unpack it (gzip -dc FILE > trades.csv), see that it is whole, and import that"
    : `its gzip data is damaged (${failure.message}); get the file again and import it again`;
}
