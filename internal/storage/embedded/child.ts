import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import type { ChildReport } from "./child-report.ts";
import { releaseLock, takeLock } from "./lock.ts";
import { serveWire, type WireServer } from "./wire-server.ts";

// A query of the embedded database holds the event loop, so it lives in a process of its own: this one.
// Arguments: the directory, empty for one in memory, and the path of the socket to serve.
const [, , directory = "", socket = ""] = process.argv;

let database: PGlite | undefined;
let opening: Promise<PGlite> | undefined;
let server: WireServer | undefined;
let stopping: Promise<void> | undefined;

// Before anything slow: a parent that is gone already is not announced again.
process.on("SIGTERM", () => void stop());
process.on("disconnect", () => void stop());
// Ctrl-C reaches the whole process group; the parent decides when the database goes.
process.on("SIGINT", () => {});
process.on("SIGHUP", () => {});

await main().catch((error: unknown) => {
  report({ state: "failed", reason: error instanceof Error ? error.message : String(error) });
});

async function main(): Promise<void> {
  const holder = directory === "" ? null : takeLock(directory, socket);
  if (holder !== null) {
    report({ state: "held", holder });
    return;
  }
  opening = PGlite.create(directory === "" ? "memory://" : join(directory, "database"));
  database = await opening;
  if (stopping !== undefined) return;
  process.umask(0o077);
  server = await serveWire(database, {
    path: socket,
    onFatal: (error) => {
      console.error("the embedded database failed:", error);
      process.exit(70);
    },
  });
  report({ state: "ready" });
}

function stop(): Promise<void> {
  stopping ??= (async () => {
    await opening?.catch(() => {});
    await server?.stop();
    await database?.close();
    if (directory !== "") releaseLock(directory);
    rmSync(dirname(socket), { recursive: true, force: true });
    process.exit(0);
  })();
  return stopping;
}

function report(message: ChildReport): void {
  process.send?.(message);
}
