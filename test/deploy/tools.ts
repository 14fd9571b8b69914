import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { packageRoot } from "../../internal/lib/package-root.ts";
import { type Finished, runHere } from "../program.ts";

/** Returns a path below `deploy/`. */
export function deployPath(...parts: string[]): string {
  return join(packageRoot(), "deploy", ...parts);
}

export function readDeployed(...parts: string[]): string {
  return readFileSync(deployPath(...parts), "utf8");
}

/**
 * Returns all documents of a YAML text, with anchors and merge keys resolved.
 * @throws Error at the first syntax error
 */
export function readYaml<T>(text: string): T[] {
  return parseAllDocuments(text, { merge: true }).map((document) => {
    const [fault] = document.errors;
    if (fault !== undefined) throw fault;
    return document.toJS() as T;
  });
}

/** Runs a command to its end; returns null if it is not installed. */
export function run(command: string, args: readonly string[], env = process.env): Promise<Finished | null> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { env }, (error, out, err) => {
      resolve(error?.code === "ENOENT" ? null : { out, err, status: child.exitCode });
    });
  });
}

/** Whether a command can be run; if not, prints which tests are left out. */
export async function isThere(command: string, args: readonly string[], leftOut: string): Promise<boolean> {
  const isInstalled = (await run(command, args)) !== null;
  if (!isInstalled) console.log(`left out: ${leftOut}, because ${command} is not installed`);
  return isInstalled;
}

/** Returns the first line of the help for a command line of the program: `Usage: stellarindex api [options]`. */
export async function usageOf(args: readonly string[]): Promise<string> {
  const { out } = await runHere([...args, "--help"]);
  return out.split("\n")[0] ?? "";
}
