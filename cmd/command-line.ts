import { CommanderError } from "commander";
import { ConfigError } from "../internal/config/problems.ts";
import { cureOf } from "../internal/storage/connection/cure.ts";
import { createProgram } from "./program.ts";
import { UsageError } from "./usage-error.ts";

const FAILURE = 1;
const WRONG_USAGE = 2;

/** Runs a command, and writes errors to standard error. @returns the exit status */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    const program = await createProgram(args);
    await program.parseAsync(args, { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return report(error);
  }
}

/** Writes an error to standard error and returns the exit status. */
function report(error: unknown): number {
  // Commander has written its own message already; its exit code for --help is 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
  if (error instanceof ConfigError || error instanceof UsageError) {
    process.stderr.write(`${error.message}\n`);
    return WRONG_USAGE;
  }
  process.stderr.write(`stellarindex: ${error instanceof Error ? error.message : String(error)}${cureOf(error)}\n`);
  return FAILURE;
}
