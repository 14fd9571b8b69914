import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { JournalFailed } from "./errors.ts";
import { openJournalIn } from "./open.ts";

const LIMITS = { maxBytes: 1_000_000, segmentBytes: 100_000 };
const made: string[] = [];
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true });
});

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-journal-"));
  made.push(directory);
  return join(directory, "journal");
}

const open = (directory: string) => openJournalIn(directory, LIMITS, () => 5n);
const hello = { kind: 3, payload: Buffer.from("hello") };

it("keeps records on a real disk, without those of a torn write", async () => {
  const directory = newDirectory();
  const journal = await open(directory);
  await journal.append([hello]);
  await journal.close();
  const [segment = ""] = readdirSync(directory).filter((name) => name.endsWith(".segment"));
  appendFileSync(join(directory, segment), "SIJ1 and the start of something");
  const reopened = await open(directory);
  const batch = await reopened.read(1);
  expect(batch).toMatchObject({ records: [{ kind: 3 }], last: 1 });
  expect(Buffer.from(batch?.records[0]?.payload ?? [])).toEqual(hello.payload);
  expect(reopened.state()).toEqual({ depth: 1, bytes: 43, oldest: 5n, trouble: null });
  await reopened.close();
});

it("has one owner at a time", async () => {
  const directory = newDirectory();
  const journal = await open(directory);
  await expect(open(directory)).rejects.toThrow(/the journal in .* is in use by process \d+ of .*; give each gateway/);
  await journal.close();
  await (await open(directory)).close();
});

it("acknowledges nothing in a file that was removed, and goes on in a new one", async () => {
  const directory = newDirectory();
  const journal = await open(directory);
  await journal.append([hello]);
  const segments = () => readdirSync(directory).filter((name) => name.endsWith(".segment"));
  for (const name of segments()) rmSync(join(directory, name));
  await expect(journal.append([hello])).rejects.toThrow(/\d+\.segment was removed from the journal's directory/);
  expect(journal.state()).toMatchObject({ depth: 1, trouble: expect.any(JournalFailed) });
  await journal.append([hello, hello]);
  expect(segments()).toHaveLength(1);
  // What was acknowledged before can still be read by this process.
  expect(await journal.read(1_000_000)).toMatchObject({ records: [hello, hello, hello], last: 3 });
  rmSync(directory, { recursive: true });
  await expect(journal.append([hello])).rejects.toThrow(JournalFailed);
  await expect(journal.append([hello])).rejects.toThrow(/the journal could not be written: ENOENT/);
  await journal.close();
});

it("says what to do if acknowledged records are lost, or nothing can be created", async () => {
  const directory = newDirectory();
  const journal = await open(directory);
  await journal.append([hello]);
  await journal.close();
  const [segment = ""] = readdirSync(directory).filter((name) => name.endsWith(".segment"));
  writeFileSync(join(directory, segment), "");
  await expect(open(directory)).rejects.toThrow(
    /damaged at byte 0 of 0: record 1 and later ones were acknowledged.*nothing was changed. Keep the directory/,
  );
  writeFileSync(join(directory, "file"), "");
  await expect(open(join(directory, "file"))).rejects.toThrow(/cannot be opened: EEXIST/);
});
