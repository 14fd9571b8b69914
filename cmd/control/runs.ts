import type { Command } from "commander";
import { formatDuration } from "../../internal/canonical/duration.ts";
import { UsageError } from "../usage-error.ts";
import {
  type ActOptions,
  addActOptions,
  addLedgerOptions,
  type LedgerOptions,
  print,
  reasonOf,
  withControl,
} from "./client.ts";
import { addList } from "./list.ts";
import { idOf, parseObject, timeOf } from "./options.ts";
import { addShow, printFields } from "./show.ts";

const pathOf = ([id = ""]: readonly string[]) => `/runs/${idOf("<id>", id)}`;

/** Adds `control runs`. */
export function addRunsCommands(control: Command): void {
  const runs = control.command("runs").description("see and steer ranges that are done in windows");
  addList<LedgerOptions & { feed?: string }>(runs.command("list", { isDefault: true }), {
    path: "/runs",
    description: "list the newest runs",
    none: "no runs",
    columns: {
      RUN: "run_id",
      KIND: "kind",
      FEED: "feed",
      FROM: "from",
      TO: "to",
      STATE: "state",
      DONE: ({ jobs }) => `${jobs["succeeded"]}/${Object.values<number>(jobs).reduce((sum, count) => sum + count, 0)}`,
    },
    filters: ({ feed }) => ({ feed }),
  }).option("--feed <feed>", "only runs of this feed");
  const show = runs.command("show").argument("<id>", "the run's id");
  addShow(show, "show a run, and how many of its jobs are in each state", pathOf);
  addList(runs.command("windows").argument("<id>", "the run's id"), {
    path: (args) => `${pathOf(args)}/windows`,
    description: "list the windows of a run, in order of time, and their jobs",
    none: "no windows",
    columns: { FROM: "from", TO: "to", JOB: "job_id", STATE: "state" },
  });
  addAction(runs, "cancel", "cancel the jobs of a run that have not ended");
  addAction(runs, "retry", "run the jobs of a run again that failed, died or were cancelled");
}

function addAction(runs: Command, verb: "cancel" | "retry", description: string): void {
  addActOptions(addLedgerOptions(runs.command(verb)))
    .description(description)
    .argument("<id>", "the run's id")
    .action(async (id: string, options: ActOptions, command: Command) => {
      const path = `${pathOf([id])}/${verb}`;
      printFields(await withControl(command, options, (call) => call("POST", path, reasonOf(options))), options);
    });
}

interface BackfillOptions extends LedgerOptions {
  readonly feed?: string;
  readonly kind?: string;
  readonly payload: string;
  readonly from: string;
  readonly to: string;
  readonly chunk?: string;
  readonly gaps?: true;
  readonly yes?: true;
  readonly reason?: string;
  readonly ticket?: string;
}

const BACKFILL_HELP = `
Without --yes it only says what the run would cost. With --yes it needs a --reason. Windows are done by workers, behind
live work; doing one again is harmless.

Examples:
  stellarindex control backfill --feed kraken:XLM-USD --gaps --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z
  stellarindex control backfill --kind prices.backfill --payload '{"pairs":["XLM/USD"],"windows":["5m"],"format":"csv"}' \\
    --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z --chunk 24h --yes --reason "prices of January"
`;

/** Adds `control backfill`, which makes runs. */
export function addControlBackfillCommand(control: Command): void {
  addLedgerOptions(control.command("backfill"))
    .description("do a range in windows: those of a feed, or of a kind of job")
    .option("--feed <feed>", "whose windows")
    .option("--kind <kind>", "the kind of job; default: the feed's")
    .option("--payload <json>", "what the jobs are given besides from and to, and what the feed says", "{}")
    .requiredOption("--from <time>", "start of the range, RFC 3339")
    .requiredOption("--to <time>", "its end")
    .option("--chunk <duration>", "length of a window; default: the feed's")
    .option("--gaps", "only windows that the feed does not cover")
    .option("--yes", "make the run")
    .option("--reason <text>", "why, for the audit log")
    .option("--ticket <text>", "where it is tracked, for the audit log")
    .addHelpText("after", BACKFILL_HELP)
    .action(async (options: BackfillOptions, command: Command) => {
      const { feed, kind, chunk, reason, yes } = options;
      const body = {
        ...(feed !== undefined && { feed }),
        ...(kind !== undefined && { kind }),
        ...(chunk !== undefined && { chunk }),
        payload: parseObject("--payload", options.payload),
        from: timeOf("--from", options.from),
        to: timeOf("--to", options.to),
        only_gaps: options.gaps === true,
      };
      if (yes === undefined) {
        const preview = await withControl(command, options, (call) => call("POST", "/runs/preview", body));
        if (options.json) print(JSON.stringify(preview));
        else {
          const { windows, tokens, seconds } = preview;
          const length =
            seconds === null ? "unknown: no job of the kind has succeeded yet" : formatDuration(Math.ceil(seconds));
          print(`${windows} windows, ${tokens} tokens of the host, duration at the present rates: ${length}`);
          print("nothing was made; --yes makes the run");
        }
        return;
      }
      if (reason === undefined) throw new UsageError("--yes needs a --reason, for the audit log");
      const given = { ...body, ...reasonOf({ ...options, reason }) };
      const made = await withControl(command, options, (call) => call("POST", "/runs", given));
      if (options.json) print(JSON.stringify(made));
      else print(`run ${made.run_id}: ${made.windows} windows, ${made.new_jobs} new jobs`);
    });
}
