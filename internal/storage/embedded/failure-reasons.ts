import { NOT_TEMPORARY } from "./temporary-directory.ts";
import { NO_HEARTBEAT } from "./watch-heartbeat.ts";

/** For messages about a directory that is no longer at its path. */
export const MOVED = "was moved or replaced while it was in use";

/** For messages about a missing file without which the process cannot continue. */
export const GONE = "was removed or replaced while it was in use";

const FULL = /\bENOSPC\b|\bEDQUOT\b|no space left on device|disk quota exceeded/i;
const READ_ONLY = /\bEROFS\b|read-only file system/i;
const NOT_WRITABLE = /\bEACCES\b|\bEPERM\b|permission denied/i;
const NOT_A_DIRECTORY = /\bEEXIST\b|\bENOTDIR\b/;
const DANGLING = /is a dangling link$/;
const NOT_FOR_FILES = /^nothing can be created in /;
const TOO_LONG = /\bENAMETOOLONG\b/;
const CIRCLE = /\bELOOP\b/;
const TOO_MANY_FILES = /\bEMFILE\b|\bENFILE\b|too many open files/i;
const NO_SOCKETS = /\bENOTSUP\b|\bEOPNOTSUPP\b|listen EINVAL/;
const OTHER_VERSION = /incompatible with server/i;
const KILLED = /\bSIGKILL\b/;
const IO = /input\/output error|I\/O error|\bEIO\b/i;

/** Returns the reason why an embedded database failed, followed by what to do. */
export function withCure(directory: string, reason: string): string {
  return `${reason}; ${cureOf(directory, reason)}`;
}

function cureOf(directory: string, reason: string): string {
  if (reason.includes(NO_HEARTBEAT)) return "it was frozen, or its disk did not respond: start again";
  if (reason.endsWith(MOVED))
    return "start again with its new path, where committed data is kept; if it was removed, restore a backup";
  // Sockets of directories with long paths are reached through a link in a temporary directory.
  if (reason.startsWith(NOT_TEMPORARY))
    return "set TMPDIR to a directory that this user can write, on a disk with free space";
  if (reason.includes(GONE)) {
    return "restore the file or a backup and start again; later commits are where the files are now";
  }
  if (FULL.test(reason)) {
    return `the disk of ${directory} is full: free space (df, df -i) and start again; committed data is kept`;
  }
  if (NO_SOCKETS.test(reason)) {
    return "its file system has no Unix sockets, which processes need to share the database: name a directory on a local disk";
  }
  if (READ_ONLY.test(reason)) {
    return "its disk is mounted read-only: remount it; see the kernel's log for a disk failure";
  }
  if (NOT_WRITABLE.test(reason)) {
    return "check that this user can write the directory and everything in it (chown -R)";
  }
  if (NOT_A_DIRECTORY.test(reason)) return "name a directory, not a file";
  if (DANGLING.test(reason)) return "mount or create the target of the link";
  if (NOT_FOR_FILES.test(reason)) return "name a directory on a local disk";
  if (TOO_LONG.test(reason)) return "name a directory with a shorter path";
  if (CIRCLE.test(reason)) return "its links are circular: name the directory itself";
  if (TOO_MANY_FILES.test(reason)) return "raise the limit on open files (ulimit -n) to 1024 or more";
  if (IO.test(reason)) return "the disk failed: see the kernel's log";
  if (KILLED.test(reason)) return "it was killed, by a user or for lack of memory (see the kernel's log): start again";
  const damaged = "its files are damaged: restore a backup, or move it away and import the trades again";
  // A damaged version file causes the same message as another version.
  if (OTHER_VERSION.test(reason)) {
    return `it has another PostgreSQL version: open it with the version of this program that created it; else ${damaged}`;
  }
  return `start again; if it fails in the same way, ${damaged}`;
}
