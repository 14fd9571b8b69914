#!/usr/bin/env node
import { CommanderError } from "commander";
import { ConfigError } from "../internal/config/problems.ts";
import { cureOf } from "../internal/storage/cure.ts";
import { createProgram } from "./program.ts";
import { UsageError } from "./usage-error.ts";

const FAILURE = 1;
const WRONG_USAGE = 2;

// Whoever reads the output may stop reading.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : FAILURE));

try {
  const program = await createProgram(process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
// What a failure left open must not keep the process.
process.exit();

/** Writes what went wrong to standard error and gives the exit status. */
function report(error: unknown): number {
  // Commander has written its own message by now; asking for help is no failure.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
  if (error instanceof ConfigError || error instanceof UsageError) {
    process.stderr.write(`${error.message}\n`);
    return WRONG_USAGE;
  }
  process.stderr.write(`stellarindex: ${error instanceof Error ? error.message : String(error)}${cureOf(error)}\n`);
  return FAILURE;
}
