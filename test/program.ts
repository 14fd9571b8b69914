import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packageRoot } from "../internal/package/root.ts";

const PROGRAM = join(packageRoot(), "dist", "cmd", "stellarindex.js");

/** What a command of the built program said, and its exit status. */
export interface Finished {
  readonly out: string;
  readonly err: string;
  readonly status: number | null;
}

/** Environment of a command: nothing of ours reaches it but what is given. */
export type Environment = Readonly<Record<string, string>>;

/** Runs a command of the built program to its end. */
export function runProgram(
  args: readonly string[],
  environment: Environment = {},
  workingDirectory: string = process.cwd(),
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [PROGRAM, ...args],
      { env: cleanEnvironment(environment), maxBuffer: 1 << 26, cwd: workingDirectory },
      (_error, out, err) => resolve({ out, err, status: child.exitCode }),
    );
  });
}

export interface RunningProgram {
  readonly process: ChildProcess;
  /** Every line of standard output so far. */
  readonly lines: readonly string[];
  /** Standard error so far. */
  readonly errors: () => string;
  /** The first line, past or to come, that matches. Rejects where the program ends before. */
  readonly line: (matches: (line: string) => boolean) => Promise<string>;
  /** The exit status, once it has ended. */
  readonly ended: Promise<number | null>;
  /** Sends a signal and waits for the end; gives the exit status. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>;
}

/** Starts a command of the built program that runs until it is stopped. */
export function startProgram(args: readonly string[], environment: Environment = {}): RunningProgram {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: cleanEnvironment(environment),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  let errors = "";
  const waiting = new Set<() => void>();
  const ended = once(child, "exit").then(() => child.exitCode);
  child.stderr.on("data", (data: Buffer) => {
    errors += data.toString();
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  return {
    process: child,
    lines,
    errors: () => errors,
    line: (matches) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = lines.find(matches);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
        void ended.then(() => reject(new Error(`the program ended: ${errors}${lines.slice(-5).join("\n")}`)));
      }),
    ended,
    stop: (signal = "SIGTERM") => {
      child.kill(signal);
      return ended;
    },
  };
}

function cleanEnvironment(environment: Environment): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("STELLARINDEX_"));
  return { ...Object.fromEntries(inherited), ...environment };
}
