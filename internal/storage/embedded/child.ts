import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { resolve } from "node:path";
import { Worker } from "node:worker_threads";
import type { PGlite } from "@electric-sql/pglite";
import { asError } from "../../lib/as-error.ts";
import { DatabaseUnusable } from "../connection/errors.ts";
import type { ChildReport } from "./child-report.ts";
import { OpeningRefused, openEngine, reasonOf, versionFile } from "./engine.ts";
import { GONE, MOVED } from "./failure-reasons.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { directoryIdentity, isAt } from "./identity.ts";
import { type Listener, openListener } from "./listener.ts";
import { HEARTBEAT_MS, LockRefused, livingHolder, releaseLock, takeLock } from "./lock.ts";
import type { Holder, LockFile } from "./lock-files.ts";
import { makeDirectory } from "./make-directory.ts";
import { socketPath } from "./socket-path.ts";
import { serveWire, type WireServer } from "./wire-server.ts";

// Main program of the database process. The embedded engine blocks the event loop during a query.
// Arguments: the directory; `files` if it holds the database, `memory` if it holds only the socket.
const [, , named = "", kind = "files"] = process.argv;
let directory = named;
const FAILED = 70;
// Shorter than the parent's STOP_TIMEOUT_MS, to leave time for closing the database.
const LINGER_MS = 5_000;
const CHECKPOINT_EVERY_MS = 10_000;

const instance = randomBytes(8).toString("hex");
let lock: LockFile | undefined;
let listener: Listener | undefined;
let opening: Promise<PGlite> | undefined;
let server: WireServer | undefined;
let stopping: Promise<void> | undefined;

// Registered before any await, since the event is emitted only once.
process.on("disconnect", () => void stop());
// The parent may have ended while this program was loading.
if (!process.connected) void stop();
// A stop message keeps the channel open, so that a failure to close can be reported.
process.on("message", () => void stop());
// Ctrl-C and service managers signal the whole process group; the parent decides when the database stops.
for (const signal of ["SIGINT", "SIGHUP", "SIGTERM"] as const) process.on(signal, () => {});

await main().catch((error: unknown) => {
  const hasCure = [LockRefused, OpeningRefused, DatabaseUnusable].some((kind) => error instanceof kind);
  if (hasCure) report({ state: "refused", message: asError(error).message });
  else report({ state: "failed", reason: reasonOf(error) });
});

async function main(): Promise<void> {
  makeDirectory(named);
  directory = resolve(named);
  const listening = await listen();
  if (!("serve" in listening)) {
    report({ state: "held", holder: listening });
    return;
  }
  listener = listening;
  const own = directoryIdentity(directory);
  // From the moment that others see the lock, the parent watches whether this process is frozen. Where the directory was moved
  // or removed, what is acknowledged from now on would not be found again; where its lock file was, another process may open it.
  let heartbeat: Worker | undefined;
  const onAdded = (added: LockFile): void => {
    lock = added;
    const workerData: Heartbeat = { path: added.path, everyMs: HEARTBEAT_MS };
    report({ state: "opening", lockFile: added.path });
    heartbeat = new Worker(new URL("./heartbeat.js", import.meta.url), { workerData });
    heartbeat.on("message", (path: string) => fail(isAt(directory, own) ? `${path} ${GONE}` : `${directory} ${MOVED}`));
    heartbeat.unref();
  };
  const taken = await takeLock(directory, instance, { onAdded });
  if (!("number" in taken)) {
    report({ state: "held", holder: taken });
    return;
  }
  opening = openEngine(kind === "files" ? directory : null, fail);
  const database = await opening;
  if (stopping !== undefined) return;
  const identity = { instance, ...own };
  server = await serveWire(database, { listener: listening, identity, onFatal: (error) => fail(reasonOf(error)) });
  if (kind === "files") heartbeat?.postMessage(versionFile(directory));
  if (kind === "files") setInterval(server.checkpoint, CHECKPOINT_EVERY_MS).unref();
  report({ state: "ready", instance });
}

/** Listens before the lock is taken, so that a visible lock always has a socket. */
async function listen(): Promise<Listener | Holder> {
  const mask = process.umask(0o077);
  try {
    return await openListener(socketPath(directory, instance));
  } catch (error) {
    // The socket cannot be created, for example on a full disk; a running holder can still be used.
    const holder = await livingHolder(directory).catch(() => null);
    if (holder === null) throw error;
    return holder;
  } finally {
    process.umask(mask);
  }
}

/** Reports the reason and exits. The lock stays, as the mark of an unclean shutdown. */
function fail(reason: string): never {
  report({ state: "failed", reason });
  process.exit(FAILED);
}

function stop(): Promise<void> {
  stopping ??= (async () => {
    const database = await opening?.catch(() => undefined);
    // Lets the commands that are connected through this process finish.
    await server?.idle(LINGER_MS);
    await server?.stop();
    await database?.close();
    // The socket must outlive the lock: a holder without a socket counts as dead.
    if (lock !== undefined) releaseLock(directory, lock);
    await listener?.close();
    if (kind === "memory") rmSync(directory, { recursive: true, force: true });
    process.exit(0);
  })().catch((error: unknown) => fail(`it did not shut down cleanly: ${reasonOf(error)}`));
  return stopping;
}

function report(message: ChildReport): void {
  // Errors are ignored: if the parent has ended, "disconnect" is emitted.
  process.send?.(message, () => {});
}
