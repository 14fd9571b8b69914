import { once } from "node:events";
import { statSync } from "node:fs";
import { connect } from "node:net";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { birthOf, bootId, directoryIdentity, lastChangeOf } from "./identity.ts";
import { addLockFile, type Holder, type LockFile, latestLockFile } from "./lock-files.ts";
import { instancesIn, socketPath } from "./socket-path.ts";

/** The lock cannot be taken, since another process may serve the directory. The message says what to do. */
export class LockRefused extends Error {
  override readonly name = "LockRefused";
}

/** Interval at which a holder touches its lock file. */
export const HEARTBEAT_MS = 2_000;
const WATCHED_HEARTBEATS = 5;
const LEAVE_TIMEOUT_MS = 20_000;

/**
 * Takes the lock of a directory for an instance that already listens at its socket. A holder is alive if its socket
 * accepts connections: the kernel refuses them as soon as the process has ended. A process id would not do, since it
 * means another process in another container.
 * @param onAdded is called once the lock file exists, before other servers are waited for
 * @returns the lock, or the living holder
 * @throws LockRefused if it is unknown whether the holder is alive
 */
export async function takeLock(
  directory: string,
  instance: string,
  {
    watchMs = WATCHED_HEARTBEATS * HEARTBEAT_MS,
    leavingMs = LEAVE_TIMEOUT_MS,
    onAdded = () => {},
  }: { watchMs?: number; leavingMs?: number; onAdded?: (lock: LockFile) => void } = {},
): Promise<LockFile | Holder> {
  const own: Holder = {
    ...{ instance, ...directoryIdentity(directory), birth: birthOf(directory) },
    ...{ boot: bootId(), pid: process.pid, host: hostname() },
  };
  for (;;) {
    const latest = readLatest(directory);
    if (latest?.holder && (await isHeld(directory, latest, latest.holder, watchMs))) return latest.holder;
    const lock = addLockFile(directory, (latest?.number ?? 0) + 1, own, `${instance}.draft`);
    if (lock === null) continue;
    onAdded(lock);
    await awaitOtherServers(directory, instance, leavingMs);
    return lock;
  }
}

/** Returns the living holder of a directory, without writing to it; null if there is none. */
export async function livingHolder(directory: string): Promise<Holder | null> {
  const holder = readLatest(directory)?.holder ?? null;
  if (holder === null) return null;
  return (await probeSocket(socketPath(directory, holder.instance))) === "opens" ? holder : null;
}

/** Releases the lock if this instance still holds it: the directory may then be copied or opened by anyone. */
export function releaseLock(directory: string, { number, holder }: LockFile): void {
  const latest = readLatest(directory);
  // The directory may have been replaced by another one with a lock of the same number.
  if (latest?.number !== number || latest.holder?.instance !== holder?.instance) return;
  addLockFile(directory, number + 1, null, `${holder?.instance}.draft`);
}

function readLatest(directory: string): LockFile | null {
  try {
    return latestLockFile(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM") {
      throw new LockRefused(`${String(error)}; run this as the user who owns the files in ${directory}`);
    }
    throw new LockRefused(
      `the lock files in ${directory} cannot be read (${String(error)}); make sure that no process serves the directory, and remove lock.*`,
    );
  }
}

async function isHeld(directory: string, { path }: LockFile, holder: Holder, watchMs: number): Promise<boolean> {
  const answer = await probeSocket(socketPath(directory, holder.instance));
  // The client checks that this directory is served there.
  if (answer === "opens") return true;
  if (answer !== "refused" && answer !== "missing") throw holderUnknown(directory, path, holder, answer);
  if (!isPlaceOf(holder, directory)) throw copiedWhileInUse(directory, path);
  if (answer === "missing") throw holderUnknown(directory, path, holder, "its socket is gone");
  if (holder.boot !== null && holder.boot === bootId()) return false;
  // A socket does not work across machines, but the heartbeat on the lock file is visible on a shared disk.
  if (await isTouched(path, watchMs)) {
    throw new LockRefused(
      `the database in ${directory} is served on another machine (${nameOf(holder)}); stop it there, or use PostgreSQL to share one`,
    );
  }
  return false;
}

/**
 * Whether a holder had this directory. A copy has another inode, or one that a removed directory left free, and another
 * time of birth. A device can get another number whenever a disk is attached, so that it decides only where no time of
 * birth is known, and only within one boot.
 */
function isPlaceOf(holder: Holder, directory: string): boolean {
  const { device, inode } = directoryIdentity(directory);
  if (holder.inode !== inode) return false;
  const birth = birthOf(directory);
  // The caller has just added its socket to the directory, so that this was its last change.
  const isBirthKnown = birth !== null && birth !== lastChangeOf(directory);
  if (isBirthKnown && holder.birth != null) return holder.birth === birth;
  return holder.boot !== bootId() || holder.device === device;
}

/**
 * Waits until no other process listens in the directory. One that lost the race for the lock exits at once; one that
 * stays is a holder whose lock file was removed.
 */
async function awaitOtherServers(directory: string, instance: string, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (const other of instancesIn(directory)) {
    if (other === instance) continue;
    while ((await probeSocket(socketPath(directory, other))) === "opens") {
      if (Date.now() >= deadline) {
        throw new LockRefused(
          `a process still serves the database in ${directory}, although its lock file was removed (it listens at ` +
            `${socketPath(directory, other)}); end that process and start again`,
        );
      }
      await sleep(50);
    }
  }
}

async function probeSocket(path: string): Promise<string> {
  const socket = connect({ path });
  try {
    await once(socket, "connect");
    return "opens";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // The backlog is full, so there is a listener.
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

function copiedWhileInUse(directory: string, path: string): LockRefused {
  return new LockRefused(
    `${directory} is a copy of a database directory that was in use, and may be inconsistent: use \`stellarindex backup\`, ` +
      "or copy again while no process serves the original. If it is an atomic snapshot, or was moved while no process " +
      `served it, remove ${path} and start again`,
  );
}

function holderUnknown(directory: string, path: string, holder: Holder, reason: string): LockRefused {
  return new LockRefused(
    `cannot determine whether ${nameOf(holder)} still serves the database in ${directory} (${reason}); ` +
      `make sure that no process does, and remove ${path}`,
  );
}

/** Names a holder in messages. */
export function nameOf({ pid, host }: Holder): string {
  return `process ${pid} of ${host}`;
}
