import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { plainClient } from "./store.testing.ts";

/** A Redis server of one test, which can be stopped and started again at the same address. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Starts the server without data and waits until it answers. */
  start(): Promise<void>;
  /** Kills the server, like a crash. */
  kill(): Promise<void>;
  /** Freezes the server, with its connections open, until `thaw`. */
  freeze(): void;
  thaw(): void;
  /** Stops the server and removes its directory. */
  remove(): Promise<void>;
}

/** Whether this machine can start a Redis; if not, prints that the tests which need one are left out. */
export function canStartRedis(): boolean {
  const isThere = spawnSync("redis-server", ["--version"]).status === 0;
  if (!isThere) console.warn("left out: tests that stop and start Redis, because there is no redis-server to run");
  return isThere;
}

export function makeRedisServer(args: readonly string[] = []): Promise<RedisServer> {
  return makeServer(async () => ["--save", "", "--appendonly", "no", ...args]);
}

/** Starts a sentinel with these configuration lines and those of its address. */
export function makeSentinel(lines: readonly string[]): Promise<RedisServer> {
  return makeServer(async (directory) => {
    const file = join(directory, "sentinel.conf");
    await writeFile(file, `${lines.join("\n")}\n`);
    return [file, "--sentinel"];
  });
}

async function makeServer(argumentsIn: (directory: string) => Promise<readonly string[]>): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), "stellarindex-redis-"));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | null = null;

  async function kill(): Promise<void> {
    if (child === null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    child = null;
  }

  return {
    url,
    port,
    async start() {
      const address = ["--port", String(port), "--bind", "127.0.0.1", "--dir", directory];
      child = spawn("redis-server", [...(await argumentsIn(directory)), ...address], { stdio: "ignore" });
      const deadline = Date.now() + 10_000;
      while (!(await answers(url))) {
        if (Date.now() > deadline || child.exitCode !== null) throw new Error("redis-server did not come up");
      }
    },
    kill,
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    async remove() {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Whether a Redis answers there, even if it requires a password. */
async function answers(url: string): Promise<boolean> {
  const client = plainClient(url);
  let said = "";
  client.on("error", (error) => {
    said = error.message;
  });
  try {
    await client.connect();
    return true;
  } catch {
    return said.startsWith("NOAUTH");
  } finally {
    client.disconnect();
  }
}

/** Returns a free port of 127.0.0.1. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
