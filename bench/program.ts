import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { packageRoot } from "../internal/lib/package-root.ts";

const PROGRAM = join(packageRoot(), "dist", "cmd", "stellarindex.js");
const MARK = "resources:";
/** Loaded before the program: prints the resource usage of the process to standard error when it ends. */
const TELL = `data:text/javascript,process.on("exit",()=>console.error("${MARK}"+JSON.stringify(process.resourceUsage())))`;

/** The resource usage of a run of the program. */
export interface Used {
  /** Peak memory in kilobytes. */
  readonly maxRSS: number;
  readonly cpuSeconds: number;
}

/** Runs a command of the built program to its end. @throws Error if it fails */
export async function runProgram(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("STELLARINDEX_"));
  const env = { ...Object.fromEntries(inherited), ...environment };
  const { stderr } = await promisify(execFile)(process.execPath, ["--import", TELL, PROGRAM, ...args], { env });
  const { maxRSS, userCPUTime, systemCPUTime } = JSON.parse(stderr.slice(stderr.lastIndexOf(MARK) + MARK.length));
  return { maxRSS, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6 } satisfies Used;
}
