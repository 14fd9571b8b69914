import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../internal/lib/package-root.ts";

/** A client, and how its conformance worker is started. */
export interface Client {
  readonly name: string;
  /** Returns the command of the worker. What it has built is kept in the directory. */
  readonly build: (directory: string) => readonly string[];
}

const sdk = (...path: string[]): string => join(packageRoot(), "sdk", ...path);

/** The clients whose language is installed here; prints which ones are left out. */
export function availableClients(): readonly Client[] {
  return [
    {
      name: "TypeScript",
      build: () => [process.execPath, "--import", "tsx", sdk("worker", "conformance", "worker.ts")],
    },
    ...(answers("python3", "--version") ? [PYTHON] : []),
    ...(answers("go", "version") ? [GO] : []),
  ];
}

const PYTHON: Client = { name: "Python", build: () => ["python3", "-B", sdk("python", "conformance", "worker.py")] };

const GO: Client = {
  name: "Go",
  build: (directory) => {
    const worker = join(directory, "worker");
    execFileSync("go", ["build", "-o", worker, "./conformance"], { cwd: sdk("go") });
    return [worker];
  },
};

function answers(program: string, argument: string): boolean {
  try {
    execFileSync(program, [argument], { stdio: "ignore" });
    return true;
  } catch {
    console.log(`left out: conformance of the client that needs ${program}, because it is not installed`);
    return false;
  }
}

export function makeBuildDirectory(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "stellarindex-client-"));
  return { path, remove: () => rmSync(path, { recursive: true }) };
}
