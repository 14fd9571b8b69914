import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { WorkerOutput } from "./cases.ts";

/** A client's conformance worker, as a process. */
export interface WorkerProcess extends WorkerOutput {
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Resolves to the exit status; null for a process that a signal has ended. */
  readonly ended: Promise<number | null>;
  /** What it has printed on standard error so far. */
  readonly errors: () => string;
}

/** Starts a worker with the URL of the control API and a key with the scope jobs:work in its environment. */
export function startWorker([program = "", ...args]: readonly string[], url: string, key: string): WorkerProcess {
  const env = { ...process.env, CONTROL_URL: url, CONTROL_KEY: key };
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const lines = new Set<string>();
  const waiting = new Set<() => void>();
  let errors = "";
  child.stderr.on("data", (data: Buffer) => {
    errors += data.toString();
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.add(line);
    for (const look of waiting) look();
  });
  const ended = once(child, "exit").then(() => child.exitCode);
  return {
    kill: (signal) => void child.kill(signal),
    ended,
    errors: () => errors,
    line: (text) =>
      new Promise<void>((resolve, reject) => {
        const look = (): void => {
          if (!lines.has(text)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
        ended.then(() => reject(new Error(`the worker ended without printing ${text}: ${errors}`)), reject);
      }),
  };
}
