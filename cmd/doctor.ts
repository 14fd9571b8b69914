import type { Command } from "commander";
import { loadConfig } from "../internal/config/load.ts";
import { examine } from "../internal/doctor/examine.ts";
import type { CheckResult } from "../internal/doctor/run-checks.ts";
import { alignColumns } from "./table.ts";

const FAILURE = 1;

const HELP = `
Checks the configuration, this machine, the database, Redis and the addresses to listen on, and reports problems and
fixes. It writes nothing, creates no database and calls no reference of [divergence]. A check that fails or hangs does
not stop the others; checks that depend on something missing are skipped.

It checks a sample of the rollups; stellarindex rollups verify compares all of them.

Exit status: 0 when nothing is wrong (there may be warnings), 1 when something is wrong, 2 for an invalid configuration.

Examples:
  stellarindex doctor --config stellarindex.toml
  stellarindex doctor --json | jq '.checks[] | select(.status == "wrong")'
`;

/** Adds `doctor`. */
export function addDoctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("check the whole installation, and report problems and fixes")
    .option("--json", "as JSON: { checks: [{ check, status, found, cure }], ok, warning, wrong, skipped }")
    .addHelpText("after", HELP)
    .action(async ({ json = false }: { json?: boolean }, command: Command) => {
      const loaded = loadConfig({ file: command.optsWithGlobals<{ config?: string }>().config, env: process.env });
      const checks = await examine(loaded);
      const counts = countsOf(checks);
      const lines = json ? [JSON.stringify({ checks, ...counts }, null, 2)] : report(checks, counts);
      process.stdout.write(`${lines.join("\n")}\n`);
      if (counts.wrong > 0) process.exitCode = FAILURE;
    });
}

type Counts = Readonly<Record<CheckResult["status"], number>>;

function countsOf(checks: readonly CheckResult[]): Counts {
  const counts = { ok: 0, warning: 0, wrong: 0, skipped: 0 };
  for (const { status } of checks) counts[status]++;
  return counts;
}

/** Returns a line per check, followed by a line with the fix where there is one. */
function report(checks: readonly CheckResult[], counts: Counts): string[] {
  const heads = alignColumns(
    checks.map(({ status, check }) => [status, check]),
    2,
  );
  const indent = " ".repeat(heads[0]?.length ?? 0);
  return [
    ...checks.flatMap(({ found, cure }, index) => [
      `${heads[index]}  ${found}`,
      ...(cure === null ? [] : [`${indent}  → ${cure}`]),
    ]),
    "",
    `${counts.ok} ok, ${counts.warning} warnings, ${counts.wrong} wrong, ${counts.skipped} skipped`,
  ];
}
