import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { InputError } from "../../canonical/input-error.ts";
import { BrokenFile } from "../../lib/broken-file.ts";
import { readLines } from "../../lib/lines.ts";
import { readZipEntry, zipEntries } from "../../lib/zip.ts";
import type { VenueDownload } from "../connector.ts";
import { VenueUnavailable } from "../failures.ts";

/** One of Binance's public files: all trades of a market on a day, as a zip archive. */
export interface DayFile {
  /** For messages. */
  readonly name: string;
  readonly path: string;
  /** Removes what was downloaded. */
  readonly close: () => Promise<void>;
}

const SUM = ".CHECKSUM";
/** What helps where a file cannot be used. */
export const CURE = "get it again, or take it away: its trades are asked for by request then";

/**
 * Opens the file of a day (YYYY-MM-DD), downloaded or in a directory that is laid out as the website is.
 * @param files the website's address, or an absolute path
 * @returns null where there is no such file
 * @throws VenueUnavailable where it does not have the checksum of the file beside it
 */
export async function openDayFile(
  download: VenueDownload,
  files: string,
  market: string,
  day: string,
): Promise<DayFile | null> {
  // What is no symbol must not become part of a path.
  if (!/^[A-Z0-9_]+$/.test(market)) return null;
  const place = ["data", "spot", "daily", "trades", market, `${market}-trades-${day}.zip`];
  const file = /^https?:/.test(files)
    ? await downloaded(download, `${files.replace(/\/+$/, "")}/${place.join("/")}`)
    : await inDirectory(join(files, ...place));
  if (file === null) return null;
  try {
    await verify(file);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function inDirectory(path: string): Promise<DayFile | null> {
  const isThere = await stat(path).then(
    (stats) => stats.isFile(),
    (error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? false : Promise.reject(error)),
  );
  return isThere ? { name: path, path, close: async () => {} } : null;
}

async function downloaded(download: VenueDownload, url: string): Promise<DayFile | null> {
  const folder = await mkdtemp(join(tmpdir(), "stellarindex-binance-"));
  const path = join(folder, "trades.zip");
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    if (await download(new URL(url), path)) {
      await download(new URL(`${url}${SUM}`), `${path}${SUM}`);
      return { name: url, path, close };
    }
  } catch (error) {
    await close();
    throw error;
  }
  await close();
  return null;
}

/** Compares a file with the checksum beside it, as `sha256sum` writes it; does nothing where there is none. */
async function verify({ name, path }: DayFile): Promise<void> {
  const sum = await readFile(`${path}${SUM}`, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (sum === null) return;
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  const [expected = ""] = sum.trim().toLowerCase().split(/\s+/);
  if (hash.digest("hex") === expected) return;
  throw new VenueUnavailable(`${name} does not have the checksum that ${name}${SUM} has; ${CURE}`);
}

/**
 * Yields the rows of a file in groups, each split into its columns: id, price, quantity, quote quantity, time, and two more.
 * @throws VenueUnavailable where it is damaged
 */
export async function* readDayFile({ name, path }: DayFile): AsyncIterable<readonly (readonly string[])[]> {
  try {
    const [entry, ...more] = await zipEntries(path);
    if (entry === undefined || more.length > 0) throw new InputError(`has ${more.length + 1} files, not one`);
    for await (const lines of readLines(readZipEntry(path, entry, () => {}))) {
      // Binance writes its spot files without a header; there are copies with one.
      yield lines.filter(({ text }) => text !== "" && !text.startsWith("id,")).map(({ text }) => text.split(","));
    }
  } catch (error) {
    if (!(error instanceof InputError || error instanceof BrokenFile)) throw error;
    throw new VenueUnavailable(`${name}: ${error.message}; ${CURE}`);
  }
}
