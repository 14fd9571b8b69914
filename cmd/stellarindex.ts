#!/usr/bin/env node
import { runCommandLine } from "./command-line.ts";
import { watchOutput } from "./output.ts";

watchOutput();

process.exitCode = await runCommandLine(process.argv.slice(2));
// Handles that a failure left open must not keep the process alive.
process.exit();
