import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { PGlite } from "@electric-sql/pglite";
import type { ChildReport } from "./child-report.ts";
import { OpeningRefused, openEngine, reasonOf } from "./engine.ts";
import { directoryIdentity } from "./identity.ts";
import { type Listener, openListener } from "./listener.ts";
import { LockRefused, releaseLock, takeLock } from "./lock.ts";
import type { LockFile } from "./lock-files.ts";
import { socketPath } from "./socket-path.ts";
import { serveWire, type WireServer } from "./wire-server.ts";

// A query of the embedded database holds the event loop, so it lives in a process of its own: this one.
// Arguments: the directory, and whether it holds the `files` of the database or, for one in `memory`, the socket alone.
const [, , directory = "", kind = "files"] = process.argv;
const FAILED = 70;
const CHECKPOINT_EVERY_MS = 10_000;

const instance = randomBytes(8).toString("hex");
let lock: LockFile | undefined;
let listener: Listener | undefined;
let opening: Promise<PGlite> | undefined;
let server: WireServer | undefined;
let stopping: Promise<void> | undefined;

// Before anything slow: a parent that is gone already is not announced again.
process.on("disconnect", () => void stop());
// Ctrl-C and service managers reach all processes at once; the parent decides when the database goes.
for (const signal of ["SIGINT", "SIGHUP", "SIGTERM"] as const) process.on(signal, () => {});

await main().catch((error: unknown) => {
  if (error instanceof LockRefused || error instanceof OpeningRefused)
    report({ state: "refused", message: error.message });
  else report({ state: "failed", reason: reasonOf(error) });
});

async function main(): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const mask = process.umask(0o077);
  // Listening comes before the lock: whoever sees the lock finds the socket.
  listener = await openListener(socketPath(directory, instance));
  process.umask(mask);
  const taken = await takeLock(directory, instance);
  if (!("number" in taken)) {
    report({ state: "held", holder: taken });
    return;
  }
  lock = taken;
  new Worker(new URL("./heartbeat.js", import.meta.url), { workerData: lock.path }).unref();
  report({ state: "opening", lockFile: lock.path });
  opening = openEngine(kind === "files" ? directory : null, fail);
  const database = await opening;
  if (stopping !== undefined) return;
  const identity = { instance, ...directoryIdentity(directory) };
  server = await serveWire(database, { listener, identity, onFatal: (error) => fail(reasonOf(error)) });
  if (kind === "files") setInterval(server.checkpoint, CHECKPOINT_EVERY_MS).unref();
  report({ state: "ready", instance });
}

/** Ends at once: the engine can do nothing more. The lock stays, so that nobody takes the directory for one in order. */
function fail(reason: string): never {
  report({ state: "failed", reason });
  process.exit(FAILED);
}

function stop(): Promise<void> {
  stopping ??= (async () => {
    const database = await opening?.catch(() => undefined);
    await server?.stop();
    await database?.close();
    // The socket stays for as long as the lock is held: without it this process would be taken for dead.
    if (lock !== undefined) releaseLock(directory, lock);
    await listener?.close();
    if (kind === "memory") rmSync(directory, { recursive: true, force: true });
    process.exit(0);
  })().catch((error: unknown) => fail(`it did not end in order: ${reasonOf(error)}`));
  return stopping;
}

function report(message: ChildReport): void {
  // A parent that is gone hears nothing, and "disconnect" says so.
  process.send?.(message, () => {});
}
