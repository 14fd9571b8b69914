import type { Micros } from "../../canonical/time.ts";
import { JournalCorrupt } from "./errors.ts";
import type { JournalDirectory, JournalFile } from "./files.ts";
import type { Position } from "./position.ts";
import { type Scan, type Segment, scanSegment, segmentName, segmentsAmong } from "./segment.ts";

/** What is in the files of a journal. */
export interface Recovered {
  /** In order; the last one takes further records. */
  readonly segments: Segment[];
  readonly position: Position;
  /** The oldest record that is not committed: its offset in the first segment, and when it was written. */
  readonly waiting: { readonly offset: number; readonly time: Micros } | null;
}

/**
 * Reads what a journal holds. Segments whose records are all committed are removed, and what a crash left behind the last
 * frame is cut off.
 * @param found the stored position; null where it is missing
 * @throws JournalCorrupt where records that were acknowledged and not committed cannot be read; no file is changed then
 */
export async function recover(directory: JournalDirectory, found: Position | null): Promise<Recovered> {
  const firsts = segmentsAmong(await directory.list());
  const committed = found?.committed ?? (firsts[0] ?? 1) - 1;
  const durable = Math.max(found?.durable ?? 0, committed);
  const kept = firsts.filter((_, index) => (firsts[index + 1] ?? Number.POSITIVE_INFINITY) > committed + 1);
  refuseMissing(kept[0], committed, durable);
  const scanned = await scanAll(directory, kept, durable);
  const last = scanned.at(-1);
  const isDone = last === undefined || last.scan.next <= committed + 1;
  if (isDone) {
    // Nothing is left to read, so that the next record begins a new file.
    for (const { segment } of scanned) await segment.file.close();
    await removeAll(directory, firsts);
    return { segments: [], position: { durable, committed }, waiting: null };
  }
  await removeAll(
    directory,
    firsts.filter((first) => !kept.includes(first)),
  );
  await last.segment.file.truncate(last.segment.size);
  await last.segment.file.sync();
  return {
    segments: scanned.map(({ segment }) => segment),
    position: { durable: last.scan.next - 1, committed },
    waiting: scanned[0]?.scan.frames.find((frame) => frame.first > committed) ?? null,
  };
}

function refuseMissing(first: number | undefined, committed: number, durable: number): void {
  if (first === undefined ? durable <= committed : first <= committed + 1) return;
  throw new JournalCorrupt(`the file of record ${committed + 1}, which was acknowledged, is missing`);
}

async function scanAll(
  directory: JournalDirectory,
  firsts: readonly number[],
  durable: number,
): Promise<{ readonly segment: Segment; readonly scan: Scan }[]> {
  const opened: JournalFile[] = [];
  const scanned: { segment: Segment; scan: Scan }[] = [];
  try {
    for (const [index, first] of firsts.entries()) {
      const name = segmentName(first);
      const file = await directory.open(name);
      opened.push(file);
      const bytes = await file.read(0, await file.size());
      const scan = scanSegment({ name, first }, bytes, firsts[index + 1] ?? null, durable);
      scanned.push({ segment: { name, first, file, size: scan.size }, scan });
    }
    return scanned;
  } catch (error) {
    for (const file of opened) await file.close();
    throw error;
  }
}

async function removeAll(directory: JournalDirectory, firsts: readonly number[]): Promise<void> {
  for (const first of firsts) await directory.remove(segmentName(first));
  if (firsts.length > 0) await directory.sync();
}
