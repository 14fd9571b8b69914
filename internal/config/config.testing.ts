import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Env } from "./env.ts";
import { type LoadedConfig, loadConfig } from "./load.ts";
import { ConfigError, type Problem } from "./problems.ts";

/** Calls `use` with a temporary file that has this text. */
export function withFile<T>(text: string, use: (file: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-config-"));
  try {
    const file = join(directory, "stellarindex.toml");
    writeFileSync(file, text);
    return use(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export function load(text: string, env: Env = {}): LoadedConfig {
  return withFile(text, (file) => loadConfig({ file, env }));
}

/** Returns the problems of a file with this text; none if it loads. */
export function problemsOf(text: string, env: Env = {}): readonly Problem[] {
  try {
    load(text, env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
