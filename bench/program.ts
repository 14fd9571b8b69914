import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { packageRoot } from "../internal/package/root.ts";

const PROGRAM = join(packageRoot(), "dist", "cmd", "stellarindex.js");
const MARK = "resources:";
/** Loaded before the program: tells on standard error what the process has used, once it ends. */
const TELL = `data:text/javascript,process.on("exit",()=>console.error("${MARK}"+JSON.stringify(process.resourceUsage())))`;

/** What a run of the program has used. */
export interface Used {
  /** Peak of memory in kilobytes. */
  readonly maxRSS: number;
  readonly cpuSeconds: number;
}

/** Runs a command of the built program to its end. @throws Error where it fails */
export async function runProgram(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("STELLARINDEX_"));
  const env = { ...Object.fromEntries(inherited), ...environment };
  const { stderr } = await promisify(execFile)(process.execPath, ["--import", TELL, PROGRAM, ...args], { env });
  const { maxRSS, userCPUTime, systemCPUTime } = JSON.parse(stderr.slice(stderr.lastIndexOf(MARK) + MARK.length));
  return { maxRSS, cpuSeconds: (userCPUTime + systemCPUTime) / 1e6 } satisfies Used;
}
