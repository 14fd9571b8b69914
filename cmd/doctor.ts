import type { Command } from "commander";
import { loadConfig } from "../internal/config/load.ts";
import { examine } from "../internal/doctor/examine.ts";
import type { Examined } from "../internal/doctor/run-checks.ts";
import { alignColumns } from "./table.ts";

const FAILURE = 1;

const HELP = `
Looks at the configuration, this machine, the database, Redis and the addresses to listen on, and says what it found and
what to do about it. It writes nothing, makes no database and asks no reference of [divergence]. One check that fails or
hangs keeps no other from being made; what needs something that is not there is skipped.

What it knows of rollups is a sample: stellarindex rollups verify compares all of them.

Exit status: 0 when nothing is wrong (there may be warnings), 1 when something is, 2 for a configuration that cannot be
used.

Examples:
  stellarindex doctor --config stellarindex.toml
  stellarindex doctor --json | jq '.checks[] | select(.status == "wrong")'
`;

/** Adds `doctor`. */
export function addDoctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("look at everything that is needed, and say what is wrong and how to cure it")
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

type Counts = Readonly<Record<Examined["status"], number>>;

function countsOf(checks: readonly Examined[]): Counts {
  const counts = { ok: 0, warning: 0, wrong: 0, skipped: 0 };
  for (const { status } of checks) counts[status]++;
  return counts;
}

/** A line per finding, and one with the cure below it. */
function report(checks: readonly Examined[], counts: Counts): string[] {
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
