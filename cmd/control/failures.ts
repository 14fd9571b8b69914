import type { Command } from "commander";
import type { LedgerOptions } from "./client.ts";
import { addList } from "./list.ts";

/** Adds `control failures`. */
export function addFailuresCommand(control: Command): void {
  addList<LedgerOptions & { hours: string }>(control.command("failures"), {
    path: "/failures",
    description: "show failures that are alike, with a job as an example of each",
    none: "no failures",
    columns: {
      COUNT: "count",
      KIND: "kind",
      HOST: "host",
      REASON: "reason",
      EXAMPLE: "example_job",
      LAST: "last_at",
      MESSAGE: "message",
    },
    filters: ({ hours }) => ({ hours }),
    isPaged: false,
  }).option("--hours <count>", "of so many hours up to now, at most 720", "24");
}
