import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "../../internal/cache/redis/server.testing.ts";
import { serverUser } from "./postgres-server.ts";

/** A PgBouncer of one test, in transaction mode, with two server sessions for all clients. */
export interface PgBouncer {
  readonly port: number;
  /** Stops it and removes its directory. */
  readonly remove: () => Promise<void>;
}

/** Whether this machine can start a PgBouncer; if not, prints which tests are left out. */
export function canStartPgBouncer(what: string): boolean {
  const isThere = spawnSync("pgbouncer", ["--version"]).status === 0;
  if (!isThere) console.warn(`left out: ${what}, because there is no pgbouncer to run`);
  return isThere;
}

/**
 * @param server `host=… port=… user=…` of the PostgreSQL behind it
 * @param users lines of its user file; without any, all users are accepted
 */
export async function startPgBouncer(server: string, users: readonly string[] = []): Promise<PgBouncer> {
  const owner = serverUser();
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-pgbouncer-"));
  const port = await freePort();
  const file = join(directory, "pgbouncer.ini");
  writeFileSync(join(directory, "users"), `${users.join("\n")}\n`);
  writeFileSync(
    file,
    `[databases]
* = ${server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
pool_mode = transaction
default_pool_size = 2
auth_type = ${users.length === 0 ? "any" : "scram-sha-256"}
auth_file = ${join(directory, "users")}
`,
  );
  chownSync(directory, owner.uid, owner.gid);
  const child = spawn("pgbouncer", [file], { ...owner, cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      said.push(line);
      if (line.includes("process up")) resolve();
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`pgbouncer did not come up: ${said.slice(-5).join("\n")}`)));
  });
  return {
    port,
    async remove() {
      child.kill("SIGKILL");
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
