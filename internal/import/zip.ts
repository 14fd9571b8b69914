import { basename } from "node:path";
import { InputError } from "../canonical/input-error.ts";
import { readZipEntry, zipEntries } from "../lib/zip.ts";
import { unpacked } from "./bytes.ts";
import type { Input } from "./input.ts";

/**
 * Returns the files in a zip archive, each as an input of its own. Nothing is unpacked to disk: their names are used
 * in messages and to tell the pair only.
 * @throws InputError where the archive is damaged, is a spreadsheet, or has no file in it
 */
export async function zipInputs(path: string, label: string = path): Promise<Input[]> {
  const entries = await zipEntries(path);
  if (entries.some(({ fileName }) => fileName === "[Content_Types].xml")) {
    throw new InputError("is a spreadsheet: export the sheet as CSV");
  }
  if (entries.length === 0) throw new InputError("is a zip archive without a file in it: get it again");
  const [only] = entries.length === 1 ? entries : [];
  return entries.map((entry) => ({
    label: entry === only ? label : `${label}/${entry.fileName.replaceAll(/\p{Cc}/gu, "?")}`,
    names: entry === only ? [basename(entry.fileName), basename(label)] : [basename(entry.fileName)],
    size: async () => entry.uncompressedSize,
    open: (onBytes) => unpacked(readZipEntry(path, entry, onBytes)),
  }));
}
