import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { freePort } from "../../internal/cache/redis/server.testing.ts";

/** A PostgreSQL server of one test, which can be stopped and started again at the same address, with its data. */
export interface PostgresServer {
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  /** Starts the server and waits until it accepts connections. */
  start(): Promise<void>;
  /** Stops the server: `fast` closes connections properly, `immediate` acts like a crash. */
  stop(how: "fast" | "immediate"): Promise<void>;
  /** Kills all processes of the server (SIGKILL). */
  kill(): Promise<void>;
  /** Freezes all processes of the server, with its connections open, until `thaw`. */
  freeze(): void;
  thaw(): void;
  /** Stops the server and removes its directory. */
  remove(): Promise<void>;
}

const USER = "postgres";
const SETTINGS = ["fsync=off", "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=100"];

/** Whether this machine can start a PostgreSQL; if not, prints which tests are left out. */
export function canStartPostgres(what: string): boolean {
  const isThere = binaries() !== null;
  if (!isThere) console.warn(`left out: ${what}, because there is no initdb, postgres and pg_basebackup to run`);
  return isThere;
}

/** The settings in which a server differs from others. */
export interface PostgresExtras {
  /** Settings as for `postgres -c`; paths are relative to the data directory. */
  readonly settings?: readonly string[];
  /** Contents of files in the data directory, such as `pg_hba.conf`. */
  readonly files?: Readonly<Record<string, string>>;
  /** The port that a stopped server has used; by default any free one. */
  readonly port?: number;
}

/** @param primary the server that is copied and followed as a standby; without it, a new primary */
export async function makePostgresServer(
  primary: PostgresServer | null = null,
  { settings: extras = [], files = {}, port: given }: PostgresExtras = {},
): Promise<PostgresServer> {
  const bin = binaries();
  if (bin === null) throw new Error("there is no PostgreSQL to run here");
  const owner = serverUser();
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-postgres-"));
  chownSync(directory, owner.uid, owner.gid);
  const [maker, args] =
    primary === null
      ? ["initdb", ["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C"]]
      : ["pg_basebackup", ["-d", primary.url, "-R", "-c", "fast"]];
  // Runs asynchronously, since the copy may come through a proxy of this process.
  await promisify(execFile)(join(bin, maker), ["-D", directory, "--no-sync", ...args], { ...owner, cwd: directory });
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    chownSync(join(directory, name), owner.uid, owner.gid);
  }
  const port = given ?? (await freePort());
  let child: ChildProcess | null = null;

  function signalAll(signal: NodeJS.Signals): void {
    const pid = child?.pid;
    if (pid === undefined) return;
    // The postmaster comes first, so that it starts no process in between.
    process.kill(pid, signal);
    for (const backend of childrenOf(pid)) {
      try {
        process.kill(backend, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    }
  }

  async function stop(signal: NodeJS.Signals): Promise<void> {
    if (child === null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
    child = null;
  }

  return {
    url: `postgres://${USER}@127.0.0.1:${port}/postgres`,
    port,
    directory,
    async start() {
      const settings = [...SETTINGS, `port=${port}`, ...extras].flatMap((setting) => ["-c", setting]);
      const stdio: ["ignore", "ignore", "pipe"] = ["ignore", "ignore", "pipe"];
      const started = spawn(join(bin, "postgres"), ["-D", directory, ...settings], { ...owner, cwd: directory, stdio });
      child = started;
      const said: string[] = [];
      await new Promise<void>((resolve, reject) => {
        createInterface({ input: started.stderr }).on("line", (line) => {
          said.push(line);
          if (/ready to accept (read-only )?connections/.test(line)) resolve();
        });
        started.once("error", reject);
        started.once("exit", () => reject(new Error(`postgres did not come up: ${said.slice(-5).join("\n")}`)));
      });
    },
    stop: (how) => stop(how === "fast" ? "SIGINT" : "SIGQUIT"),
    async kill() {
      if (child === null) return;
      const ended = once(child, "exit");
      signalAll("SIGKILL");
      await ended;
      child = null;
    },
    freeze: () => signalAll("SIGSTOP"),
    thaw: () => signalAll("SIGCONT"),
    async remove() {
      signalAll("SIGCONT");
      await stop("SIGQUIT");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The directory of initdb and postgres: in the path, or that of Debian's latest version. */
function binaries(): string | null {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const places = [
    ...(process.env["PATH"] ?? "").split(delimiter),
    ...versions.map((version) => join(debian, version, "bin")),
  ];
  return (
    places.find((place) => ["initdb", "postgres", "pg_basebackup"].every((name) => existsSync(join(place, name)))) ??
    null
  );
}

/** PostgreSQL and PgBouncer refuse to run as root. */
export function serverUser(): { uid: number; gid: number } {
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  if (own.uid !== 0) return own;
  const id = (flag: string): number => Number(spawnSync("id", [flag, USER], { encoding: "utf8" }).stdout);
  return { uid: id("-u"), gid: id("-g") };
}

function childrenOf(parent: number): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // The format is `pid (comm) state ppid …`; the text in brackets is arbitrary.
      const [, ppid] = readFileSync(`/proc/${name}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      return Number(ppid) === parent ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}
