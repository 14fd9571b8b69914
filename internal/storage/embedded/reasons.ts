import { NO_SIGN_OF_LIFE } from "./signs-of-life.ts";

const FULL = /\bENOSPC\b|\bEDQUOT\b|no space left on device|disk quota exceeded/i;
const NOT_WRITABLE = /\bEACCES\b|\bEPERM\b|\bEROFS\b|permission denied|read-only file system/i;
const NOT_A_DIRECTORY = /\bEEXIST\b|\bENOTDIR\b/;
// Of the engine's own files it is said in other words.
const LEADS_NOWHERE = /\bENOENT\b.*\bmkdir\b/;
const NO_SOCKETS = /\bENOTSUP\b|\bEOPNOTSUPP\b|listen EINVAL/;
const OTHER_VERSION = /incompatible with server/i;
const IO = /input\/output error|I\/O error|\bEIO\b/i;

/** Why an embedded database did not start, or has ended, and the cure. */
export function withCure(directory: string, reason: string): string {
  return `${reason}; ${cureOf(directory, reason)}`;
}

function cureOf(directory: string, reason: string): string {
  if (reason.includes(NO_SIGN_OF_LIFE)) return "it was frozen, or its disk stood still: start again";
  if (FULL.test(reason)) {
    return `the disk that holds ${directory} is full: make room and start again, what was acknowledged is kept`;
  }
  if (NO_SOCKETS.test(reason)) {
    return "its file system has no unix sockets, by which two processes on one database find each other: name a directory on a local disk";
  }
  if (NOT_WRITABLE.test(reason)) return "check that the directory can be written by this user";
  if (NOT_A_DIRECTORY.test(reason)) return "name a directory, not a file";
  if (LEADS_NOWHERE.test(reason)) return "it leads through a link to nothing: mount or make what the link names";
  if (IO.test(reason)) return "the disk fails: look into the kernel's log";
  const damaged = "its files are damaged: put a backup in its place, or move it away and import the trades again";
  // A file that is overwritten is told of in the same words as one of another version.
  if (OTHER_VERSION.test(reason)) {
    return `it is of another version of PostgreSQL: open it with the version of this program that made it; else ${damaged}`;
  }
  return `where a start again ends in the same way, ${damaged}`;
}
