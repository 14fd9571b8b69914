import { type Command, Option } from "commander";
import { BUILT_IN_KINDS } from "../../internal/control/kinds/kinds.ts";
import { JOB_STATES, type JobState } from "../../internal/storage/control/read-jobs.ts";
import { parseOption } from "../usage-error.ts";
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
import { wholeNumber } from "./numbers.ts";
import { idOf, parseJson, timeOf } from "./options.ts";

const FAILURE = 1;
/** Maintenance gives way to live work. */
const DEFAULT_PRIORITY = "5";

const SUBMIT_HELP = `
Kinds that stellarindex worker does:
${BUILT_IN_KINDS.map(({ name, description }) => `  ${name}: ${description}`).join("\n")}
Any other kind needs a worker of your own (docs/worker-protocol.md).

Example:
  stellarindex control jobs submit rollups.verify --payload '{"from":"2026-08-01T00:00:00Z"}'
`;

/** Adds `control jobs`. */
export function addJobsCommands(control: Command): void {
  const jobs = control.command("jobs").description("see and steer jobs");
  addList<LedgerOptions & { state?: JobState[]; kind?: string }>(jobs.command("list", { isDefault: true }), {
    path: "/jobs",
    description: "list the newest jobs",
    none: "no jobs",
    columns: {
      JOB: "job_id",
      KIND: "kind",
      STATE: "state",
      ATTEMPT: ({ attempt, max_attempts }) => `${attempt}/${max_attempts}`,
      WORKER: "worker",
      CREATED: "created_at",
      ENDED: "ended_at",
    },
    filters: ({ state, kind }) => ({ state: state?.join(","), kind }),
  })
    .addOption(new Option("--state <state...>", "only jobs in these states").choices(JOB_STATES))
    .option("--kind <kind>", "only jobs of this kind");
  addShow(jobs);
  addSubmit(jobs);
  addAction(jobs, "cancel", "cancel jobs that have not ended; a running one is aborted");
  addAction(jobs, "retry", "run jobs again that failed, died or were cancelled");
  addAction(jobs, "prioritize", "move jobs that have not ended to the end of the line of a priority").requiredOption(
    "--priority <0-9>",
    "0 is the most urgent",
  );
}

interface Shown {
  readonly state: JobState;
  readonly payload: unknown;
  readonly obstacles: readonly { readonly text: string; readonly until: string | null }[];
  readonly history: readonly Record<
    "at" | "from" | "to" | "attempt" | "worker" | "reason" | "message",
    string | null
  >[];
}

function addShow(jobs: Command): void {
  addLedgerOptions(jobs.command("show"))
    .description("show a job, its history, and what keeps it from running now")
    .argument("<id>", "the job's id")
    .action(async (id: string, options: LedgerOptions, command: Command) => {
      const path = `/jobs/${idOf("<id>", id)}`;
      const job: Shown = await withControl(command, options, (call) => call("GET", path));
      if (options.json) {
        print(JSON.stringify(job));
        return;
      }
      const { history, obstacles, payload, ...fields } = job;
      for (const [name, value] of Object.entries(fields))
        if (value !== null && String(value) !== "") print(`${name}: ${value}`);
      print(`payload: ${JSON.stringify(payload)}`);
      if (job.state === "ready" && obstacles.length === 0) print("waits for a worker");
      for (const { text, until } of obstacles)
        print(`why not now: ${text}${until === null ? "" : ` (until ${until})`}`);
      for (const { at, from, to, attempt, worker, reason, message } of history) {
        const parts = [worker, reason, message].filter((part) => part !== null);
        print(`${at} ${from ?? "new"} -> ${to} (attempt ${attempt})${parts.map((part) => ` ${part}`).join("")}`);
      }
    });
}

interface SubmitOptions extends LedgerOptions {
  readonly payload: string;
  readonly priority: string;
  readonly source?: string;
  readonly host?: string;
  readonly feed?: string;
  readonly at?: string;
  readonly maxAttempts: string;
  readonly key?: string;
  readonly needs?: string[];
}

function addSubmit(jobs: Command): void {
  addLedgerOptions(jobs.command("submit"))
    .description("submit a job")
    .argument("<kind>", "what to do")
    .option("--payload <json>", "what to do it with", "{}")
    .option("--priority <0-9>", "0 is the most urgent", DEFAULT_PRIORITY)
    .option("--source <source>", "the source that it works with, whose limits apply")
    .option("--host <host>", "the host that it asks, whose throttle applies")
    .option("--feed <feed>", "the feed that it collects")
    .option("--at <time>", "not before this time, RFC 3339")
    .option("--max-attempts <count>", "attempts before the job is dead", "5")
    .option("--key <text>", "idempotency key: while a job with it has not ended, no other is made")
    .option("--needs <id...>", "jobs that must succeed first")
    .addHelpText("after", SUBMIT_HELP)
    .action(async (kind: string, options: SubmitOptions, command: Command) => {
      const { payload, priority, source, host, feed, at, maxAttempts, key, needs = [] } = options;
      const job = {
        ...{ kind, source, host, feed },
        payload: parseOption("--payload", () => parseJson(payload, '{"repair":true}')),
        priority: wholeNumber("--priority", priority, 0, 9),
        max_attempts: wholeNumber("--max-attempts", maxAttempts, 1, 1000),
        needs: needs.map((id) => idOf("--needs", id)),
        ...(at !== undefined && { run_at: timeOf("--at", at) }),
        ...(key !== undefined && { idempotency_key: key }),
      };
      const submitted = await withControl(command, options, (call) => call("POST", "/jobs", job));
      const { job_id, is_new, is_built_in } = submitted;
      if (options.json) print(JSON.stringify(submitted));
      else
        print(is_new ? `job ${job_id} submitted` : `job ${job_id} has this key and has not ended; none was submitted`);
      if (!is_built_in) process.stderr.write(`${kind} is no built-in kind: a worker of your own must do it\n`);
    });
}

interface JobActOptions extends ActOptions {
  readonly priority?: string;
}

function addAction(jobs: Command, verb: "cancel" | "retry" | "prioritize", description: string): Command {
  return addActOptions(addLedgerOptions(jobs.command(verb)))
    .description(description)
    .argument("<id...>", "the jobs' ids")
    .action(async (ids: string[], options: JobActOptions, command: Command) => {
      const { priority } = options;
      const body = {
        jobs: ids.map((id) => idOf("<id>", id)),
        ...(priority !== undefined && { priority: wholeNumber("--priority", priority, 0, 9) }),
        ...reasonOf(options),
      };
      const result = await withControl(command, options, (call) => call("POST", `/jobs/${verb}`, body));
      if (options.json) print(JSON.stringify(result));
      else {
        for (const id of result.changed) print(`job ${id}: ${verb} done`);
        for (const id of result.unchanged) print(`job ${id}: not changed; see: stellarindex control jobs show ${id}`);
        if (result.left_blocked > 0) print(`${result.left_blocked} jobs that need them stay blocked`);
      }
      if (result.unchanged.length > 0) process.exitCode = FAILURE;
    });
}
