import { expect, it } from "vitest";
import { withCure } from "./failure-reasons.ts";

it.each([
  ['could not write to file "pg_wal/xlogtemp.42": No space left on device', "the disk of data is full: free space"],
  ["EDQUOT: disk quota exceeded, write", "the disk of data is full"],
  ["EROFS: read-only file system, open 'data/lock.1'", "its disk is mounted read-only: remount it"],
  ["listen EACCES: permission denied data/x.sock", "check that this user can write the directory"],
  ["listen ENOTSUP: operation not supported on socket data/x.sock", "name a directory on a local disk"],
  ["EEXIST: file already exists, mkdir 'data'", "name a directory, not a file"],
  ["data is a dangling link", "mount or create the target of the link"],
  ["nothing can be created in /proc", "name a directory on a local disk"],
  ["ENAMETOOLONG: name too long, mkdir 'data'", "name a directory with a shorter path"],
  ["ELOOP: too many symbolic links encountered, mkdir 'data'", "its links are circular"],
  [
    "no temporary directory can be created in /x (EACCES: permission denied, mkdtemp '/x/y')",
    "set TMPDIR to a directory",
  ],
  ["/data was moved or replaced while it was in use", "start again with its new path"],
  ["EMFILE: too many open files, open 'data/lock.1'", "raise the limit on open files"],
  ["database files are incompatible with server", "it has another PostgreSQL version"],
  ["could not fsync file: I/O error", "the disk failed"],
  ["data/lock.3 was removed or replaced while it was in use", "restore the file or a backup"],
  ["it sent no heartbeat for 30 s and was killed", "it was frozen"],
  ["it ended with SIGKILL", "it was killed"],
  ["could not locate a valid checkpoint record", "its files are damaged: restore a backup"],
])("%s has its own fix", (reason, cure) => {
  const text = withCure("data", reason);
  expect(text.startsWith(`${reason}; `)).toBe(true);
  expect(text).toContain(cure);
});
