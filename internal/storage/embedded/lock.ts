import { once } from "node:events";
import { statSync } from "node:fs";
import { connect } from "node:net";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { bootId, directoryIdentity, isSameDirectory } from "./identity.ts";
import { addLockFile, type Holder, type LockFile, latestLockFile } from "./lock-files.ts";
import { socketPath } from "./socket-path.ts";

/** A directory cannot be opened, as it cannot be told that nobody serves it. The message says the cure. */
export class LockRefused extends Error {
  override readonly name = "LockRefused";
}

/** How often a holder touches its lock file. */
export const BEAT_MS = 2_000;
const WATCH_BEATS = 5;

/**
 * Takes the lock of a directory for the instance that listens at its socket there already. Not a number of a process, which
 * means another one in another container, but the socket says whether a holder lives: the kernel refuses connections to
 * one whose process has ended, however it ended.
 * @returns the lock, or the living holder
 * @throws LockRefused where it cannot be told
 */
export async function takeLock(
  directory: string,
  instance: string,
  watchMs: number = WATCH_BEATS * BEAT_MS,
): Promise<LockFile | Holder> {
  const own = { instance, ...directoryIdentity(directory), boot: bootId(), pid: process.pid, host: hostname() };
  for (;;) {
    const latest = readLatest(directory);
    if (latest?.holder && (await isHeld(directory, latest, latest.holder, watchMs))) return latest.holder;
    const lock = addLockFile(directory, (latest?.number ?? 0) + 1, own, `${instance}.draft`);
    if (lock !== null) return lock;
  }
}

/** Gives the lock back, where it is held still: the directory may be copied, and opened by whoever comes. */
export function releaseLock(directory: string, { number, holder }: LockFile): void {
  if (readLatest(directory)?.number === number) addLockFile(directory, number + 1, null, `${holder?.instance}.draft`);
}

function readLatest(directory: string): LockFile | null {
  try {
    return latestLockFile(directory);
  } catch (error) {
    throw new LockRefused(
      `the lock files in ${directory} cannot be read (${String(error)}); make sure that nothing serves the directory, and remove lock.*`,
    );
  }
}

async function isHeld(directory: string, { path }: LockFile, holder: Holder, watchMs: number): Promise<boolean> {
  const answer = await knock(socketPath(directory, holder.instance));
  // Whether it is this directory that is served there is asked by whoever connects.
  if (answer === "opens") return true;
  if (answer !== "refused" && answer !== "missing") throw cannotBeTold(directory, path, holder, answer);
  if (!isPlaceOf(holder, directory)) throw aCopy(directory, path);
  if (answer === "missing") throw cannotBeTold(directory, path, holder, "its socket is gone");
  if (holder.boot !== null && holder.boot === bootId()) return false;
  // A socket reaches no other machine, but there too a living holder touches its file.
  if (await isTouched(path, watchMs)) {
    throw new LockRefused(
      `the database in ${directory} is served on another machine (${nameOf(holder)}); stop it there, or use PostgreSQL to share one`,
    );
  }
  return false;
}

/** Devices are numbered anew at each boot. */
function isPlaceOf(holder: Holder, directory: string): boolean {
  const here = directoryIdentity(directory);
  const { device } = holder.boot === bootId() ? holder : here;
  return isSameDirectory({ ...holder, device }, here);
}

async function knock(path: string): Promise<string> {
  const socket = connect({ path });
  try {
    await once(socket, "connect");
    return "opens";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A full queue is one that somebody has.
    if (code === "EAGAIN") return "opens";
    if (code === "ENOENT") return "missing";
    return code === "ECONNREFUSED" ? "refused" : String(error);
  } finally {
    socket.destroy();
  }
}

async function isTouched(path: string, watchMs: number): Promise<boolean> {
  const touched = (): number | undefined => statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  const before = touched();
  await sleep(watchMs);
  return touched() !== before;
}

function aCopy(directory: string, path: string): LockRefused {
  return new LockRefused(
    `${directory} is a copy of a database directory that was in use, and such a copy can be torn: make one with ` +
      `\`stellarindex backup\`, or copy again while nothing serves the original. If it is a snapshot of one instant, or was ` +
      `moved while nothing served it, remove ${path} and start again`,
  );
}

function cannotBeTold(directory: string, path: string, holder: Holder, reason: string): LockRefused {
  return new LockRefused(
    `it cannot be told whether ${nameOf(holder)} still serves the database in ${directory} (${reason}); ` +
      `make sure that nothing does, and remove ${path}`,
  );
}

/** For a message. */
export function nameOf({ pid, host }: Holder): string {
  return `process ${pid} of ${host}`;
}
