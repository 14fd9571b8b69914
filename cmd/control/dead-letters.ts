import type { Command } from "commander";
import { addAct } from "./act.ts";
import type { ActOptions, LedgerOptions } from "./client.ts";
import { addList } from "./list.ts";
import { plainNumber } from "./numbers.ts";

interface RedriveOptions extends ActOptions {
  readonly kind?: string;
  readonly host?: string;
  readonly code?: string;
  readonly perMinute: string;
  readonly dryRun?: true;
  readonly yes?: true;
}

/** Adds `control dead-letters` and `control audit`. */
export function addDeadLettersCommands(control: Command): void {
  const letters = control.command("dead-letters").description("see jobs that ended dead, and run them again");
  const list = addList<LedgerOptions & Partial<Record<"kind" | "host" | "code", string>>>(
    letters.command("list", { isDefault: true }),
    {
      path: "/dead-letters",
      description: "list dead letters, newest jobs first",
      none: "no dead letters",
      columns: {
        JOB: "job_id",
        KIND: "kind",
        HOST: "host",
        ATTEMPT: "attempt",
        DIED: "died_at",
        REASON: "reason",
        MESSAGE: "message",
      },
      filters: ({ kind, host, code }) => ({ kind, host, reason: code }),
    },
  );
  addFilters(list);
  const redrive = addAct<RedriveOptions>(
    letters.command("redrive"),
    "run the dead letters again that match",
    (_args, { kind = null, host = null, code = null, perMinute, dryRun, yes }) => ({
      path: "/dead-letters/redrive",
      body: {
        filter: { kind, host, reason: code },
        per_minute: plainNumber("--per-minute", perMinute),
        dry_run: dryRun === true,
        confirm: yes === true,
      },
    }),
  );
  addFilters(redrive)
    .option("--per-minute <count>", "jobs become due one after another, so many in a minute", "60")
    .option("--dry-run", "count them only")
    .option("--yes", "run them again");
  const audit = control.command("audit").description("see who did what to the ledger, and why");
  addList(audit.command("list", { isDefault: true }), {
    path: "/audit",
    description: "list the audit log, newest first",
    none: "nothing was done",
    columns: {
      ENTRY: "entry_id",
      AT: "at",
      ACTOR: "actor",
      ACTION: "action",
      TARGET: "target",
      RESULT: "result",
      REASON: "reason",
      TICKET: "ticket",
    },
  });
}

/** Adds the options that choose dead letters. */
function addFilters(command: Command): Command {
  return command
    .option("--kind <kind>", "only jobs of this kind")
    .option("--host <host>", "only jobs of this host")
    .option("--code <code>", "only those whose reason is this code");
}
