import { spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openStore } from "../internal/cache/open-store.ts";
import { stopwatch } from "../internal/lib/clock.ts";
import { packageRoot } from "../internal/lib/package-root.ts";
import type { Bench } from "./bench.ts";
import { compare } from "./compare.ts";
import { withBenchDatabase } from "./database.ts";

const { STELLARINDEX_TEST_REDIS_URL: REDIS_URL = "redis://127.0.0.1:6379" } = process.env;
const PROGRAM = join(packageRoot(), "dist", "cmd", "stellarindex.js");
const LONGEST_SECONDS = 60;

export const startup: Bench = {
  summary: "from spawn to the first answer of `api`, and to the first price of `start`, beside a bare `node`",
  run: async ({ server, short }) => {
    const rounds = short ? 1 : 7;
    const bare = ["-e", ""];
    console.log("`start`, everything in one process tree with the embedded database:");
    await compare(
      {
        "node -e ''": () => untilEnd(bare),
        "start to the first price": () => untilAnswer([PROGRAM, "start"], {}, "/v1/price?pair=XLM/USD"),
      },
      short ? 1 : 3,
    );
    const why = await cannotServe(server);
    if (why !== null) return console.log(`left out: api, because ${why}`);
    await withBenchDatabase(server, async (_database, url) => {
      const environment = {
        STELLARINDEX_DATABASE_URL: url,
        STELLARINDEX_REDIS_URL: REDIS_URL,
        STELLARINDEX_REDIS_KEY_PREFIX: `stellarindex-bench:${process.pid}:`,
      };
      await compare(
        {
          "node -e ''": () => untilEnd(bare),
          "api to the first answer": () => untilAnswer([PROGRAM, "api"], environment, "/v1/sources"),
          "--version": () => untilEnd([PROGRAM, "--version"]),
        },
        rounds,
      );
    });
  },
};

async function cannotServe(server: string | undefined): Promise<string | null> {
  if (server === undefined) return "STELLARINDEX_BENCH_DATABASE_URL names no server";
  const store = openStore({ url: REDIS_URL, key_prefix: "" });
  try {
    await store.ping();
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await store.close();
  }
}

async function untilEnd(args: readonly string[]): Promise<void> {
  await once(spawn(process.execPath, args, { stdio: "ignore" }), "exit");
}

/** Starts the program and sends requests until one is answered 200; the shutdown is not measured. */
async function untilAnswer(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  path: string,
): Promise<void> {
  const [port, opsPort] = [await freePort(), await freePort()];
  const child = spawn(process.execPath, args, {
    env: {
      ...process.env,
      ...environment,
      STELLARINDEX_API_LISTEN: `127.0.0.1:${port}`,
      STELLARINDEX_API_OPS_LISTEN: `127.0.0.1:${opsPort}`,
    },
    stdio: "ignore",
  });
  const deadline = stopwatch() + LONGEST_SECONDS;
  while (!(await answers(`http://127.0.0.1:${port}${path}`))) {
    if (child.exitCode !== null || stopwatch() > deadline) throw new Error(`${args.join(" ")} did not answer`);
    await sleep(5);
  }
  child.kill("SIGKILL");
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { headers: { Connection: "close" } })).status === 200;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
