import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { runCommandLine } from "../cmd/command-line.ts";
import { packageRoot } from "../internal/lib/package-root.ts";
import { SHORT_LIVED } from "./node-flags.ts";

const PROGRAM = join(packageRoot(), "dist", "cmd", "stellarindex.js");

/** The output and exit status of a command. */
export interface Finished {
  readonly out: string;
  readonly err: string;
  readonly status: number | null;
}

/** Environment of a command. Variables named STELLARINDEX_… are not inherited. */
export type Environment = Readonly<Record<string, string>>;

/** Runs a command of the built program to its end, with `input` as its standard input. */
export function runProgram(
  args: readonly string[],
  environment: Environment = {},
  workingDirectory: string = process.cwd(),
  input: string | Buffer = "",
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [...SHORT_LIVED, PROGRAM, ...args],
      { env: cleanEnvironment(environment), maxBuffer: 1 << 26, cwd: workingDirectory },
      (_error, out, err) => resolve({ out, err, status: child.exitCode }),
    );
    // A program that ends without reading its input closes the pipe.
    child.stdin?.on("error", () => {}).end(input);
  });
}

let isRunningInProcess = false;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs a command in this process, from its arguments to its exit status, which saves the process start of
 * {@link runProgram}. It is for tables of cases; other tests cover that the built program starts.
 */
export async function runHere(
  args: readonly string[],
  environment: Environment = {},
  workingDirectory: string = process.cwd(),
): Promise<Finished> {
  if (isRunningInProcess) throw new Error("two commands cannot run in one process at a time");
  isRunningInProcess = true;
  const written = { out: "", err: "" };
  const streams = { out: process.stdout, err: process.stderr };
  const before = { env: process.env, directory: process.cwd(), exitCode: process.exitCode };
  const listenersBefore = SIGNALS.map((signal) => process.listeners(signal));
  const writes = { out: streams.out.write, err: streams.err.write };
  for (const name of ["out", "err"] as const) {
    streams[name].write = (chunk: string | Uint8Array): boolean => {
      written[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
      return true;
    };
  }
  try {
    process.env = cleanEnvironment(environment);
    process.exitCode = undefined;
    process.chdir(workingDirectory);
    const status = await runCommandLine(args);
    return { ...written, status };
  } finally {
    for (const name of ["out", "err"] as const) streams[name].write = writes[name];
    process.env = before.env;
    process.chdir(before.directory);
    process.exitCode = before.exitCode;
    // Signal handlers that the command has left behind must not affect later commands.
    for (const [index, signal] of SIGNALS.entries()) {
      for (const listener of process.listeners(signal))
        if (!listenersBefore[index]?.includes(listener)) process.off(signal, listener);
    }
    isRunningInProcess = false;
  }
}

export interface RunningProgram {
  readonly process: ChildProcess;
  /** All lines of standard output so far. */
  readonly lines: readonly string[];
  /** Standard error so far. */
  readonly errors: () => string;
  /** Resolves to the first past or future line that matches. Rejects if the program ends before. */
  readonly line: (matches: (line: string) => boolean) => Promise<string>;
  /** Resolves to the exit status when the program has ended. */
  readonly ended: Promise<number | null>;
  /** Sends a signal, waits for the end and resolves to the exit status. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>;
}

/** Starts a command of the built program that runs until it is stopped. */
export function startProgram(args: readonly string[], environment: Environment = {}): RunningProgram {
  const child = spawn(process.execPath, [...SHORT_LIVED, PROGRAM, ...args], {
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
