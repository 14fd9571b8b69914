import { expect, it } from "vitest";
import { withCure } from "./reasons.ts";

it.each([
  [
    'could not write to file "pg_wal/xlogtemp.42": No space left on device',
    "the disk that holds data is full: make room",
  ],
  ["EDQUOT: disk quota exceeded, write", "the disk that holds data is full"],
  ["EROFS: read-only file system, open 'data/lock.1'", "check that the directory can be written"],
  ["listen EACCES: permission denied data/x.sock", "check that the directory can be written"],
  ["listen ENOTSUP: operation not supported on socket data/x.sock", "name a directory on a local disk"],
  ["EEXIST: file already exists, mkdir 'data'", "name a directory, not a file"],
  ["ENOENT: no such file or directory, mkdir 'data'", "it leads through a link to nothing"],
  ["database files are incompatible with server", "it is of another version of PostgreSQL"],
  ["could not fsync file: I/O error", "the disk fails"],
  ["it gave no sign of life for 30 s and was ended", "it was frozen"],
  ["could not locate a valid checkpoint record", "its files are damaged: put a backup in its place"],
])("%s has its own cure", (reason, cure) => {
  const text = withCure("data", reason);
  expect(text.startsWith(`${reason}; `)).toBe(true);
  expect(text).toContain(cure);
});
