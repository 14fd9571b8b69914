import { mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contentPath } from "../../lib/content-directory.ts";
import { type Archive, getChecked, nameOf } from "./archive.ts";
import { directoryArchive } from "./directory.ts";
import { startS3, type TestS3 } from "./s3.testing.ts";

const { signal } = new AbortController();
const directory = join(mkdtempSync(join(tmpdir(), "stellarindex-archive-")), "archive");
let s3: TestS3;
beforeAll(async () => {
  s3 = await startS3();
});
afterAll(async () => {
  await s3.stop();
  rmSync(join(directory, ".."), { recursive: true, force: true });
});

const kinds: { kind: string; open: () => { archive: Archive; pathOf: (name: string) => string } }[] = [
  {
    kind: "a directory",
    open: () => ({ archive: directoryArchive(directory), pathOf: (name) => contentPath(directory, name) }),
  },
  { kind: "S3", open: () => s3 },
];

describe.each(kinds)("an archive in $kind", ({ open }) => {
  it("keeps an object by its content, however often it is written", async () => {
    const { archive } = open();
    const bytes = Buffer.from([0, 255, 31, 139, 10]);
    for (let time = 0; time < 2; time++) await archive.put(nameOf(bytes), bytes, signal);
    expect(Buffer.from(await getChecked(archive, nameOf(bytes), signal))).toEqual(bytes);
  });

  it("says of an object that is not there what to do", async () => {
    const missing = nameOf(Buffer.from("missing"));
    await expect(open().archive.get(missing, signal)).rejects.toThrow(
      new RegExp(`${missing}.*restore .* from a copy.*, or correct deliver\\.archive$`),
    );
  });

  it("does not return an object that is damaged", async () => {
    const { archive, pathOf } = open();
    const bytes = Buffer.from("an object of some length");
    const name = nameOf(bytes);
    await archive.put(name, bytes, signal);
    truncateSync(pathOf(name), 5);
    await expect(getChecked(archive, name, signal)).rejects.toThrow(`${name} of the archive is damaged`);
    // Written again, it is whole.
    await archive.put(name, bytes, signal);
    expect(Buffer.from(await getChecked(archive, name, signal))).toEqual(bytes);
  });
});

it("an archive in what is no directory says so", async () => {
  const archive = directoryArchive(import.meta.filename);
  await expect(archive.put(nameOf(Buffer.from("x")), Buffer.from("x"), signal)).rejects.toThrow(
    /^deliver\.archive .*archive\.test\.ts cannot be written \(E(?:EXIST|NOTDIR)\); see that it is a directory/,
  );
});
