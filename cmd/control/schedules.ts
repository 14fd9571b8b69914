import { type Command, Option } from "commander";
import { MISSED, OVERLAPS } from "../../internal/storage/control/schedules.ts";
import {
  type ActOptions,
  addActOptions,
  addLedgerOptions,
  type LedgerOptions,
  reasonOf,
  withControl,
} from "./client.ts";
import { addList } from "./list.ts";
import { idOf, parseObject } from "./options.ts";
import { addShow, printFields } from "./show.ts";

interface PutOptions extends ActOptions {
  readonly kind: string;
  readonly payload: string;
  readonly cron?: string;
  readonly every?: string;
  readonly timeZone: string;
  readonly missed: string;
  readonly overlap: string;
  readonly jitter: string;
}

const HELP = `
Example:
  stellarindex control schedules set prune --kind retention.prune --cron "15 4 * * *" --time-zone Europe/Berlin \\
    --reason "old trades are removed at night"
`;

const pathOf = (name: string) => `/schedules/${encodeURIComponent(name)}`;

/** Adds `control schedules`. */
export function addSchedulesCommands(control: Command): void {
  const schedules = control.command("schedules").description("see and steer jobs that start by the clock");
  addList(schedules.command("list", { isDefault: true }), {
    path: "/schedules",
    description: "list schedules by name",
    none: "no schedules",
    columns: {
      NAME: "name",
      KIND: "kind",
      TICKS: ({ cron, every_seconds }) => cron ?? `every ${every_seconds} s`,
      ZONE: "time_zone",
      NEXT: ({ next_at, paused_reason }) => (paused_reason === null ? next_at : "paused"),
      LAST: "last_at",
    },
  });
  addShow(schedules.command("show").argument("<name>", "its name"), "show a schedule", ([name = ""]) => pathOf(name));
  addActOptions(addLedgerOptions(schedules.command("set")))
    .description("store a schedule, or change it")
    .argument("<name>", "its name")
    .requiredOption("--kind <kind>", "the kind of its jobs")
    .option("--payload <json>", "what they are given", "{}")
    .option("--cron <expression>", 'five or six fields, such as "15 4 * * *"')
    .option("--every <duration>", "a tick at each multiple of this since 1970")
    .option("--time-zone <name>", "the time zone of --cron", "UTC")
    .addOption(new Option("--missed <rule>", "what becomes of missed ticks").choices(MISSED).default("coalesce"))
    .addOption(
      new Option("--overlap <rule>", "what becomes of a tick while the job of the one before has not ended")
        .choices(OVERLAPS)
        .default("skip"),
    )
    .option("--jitter <duration>", "delay each job by a random part of this", "0s")
    .addHelpText("after", HELP)
    .action(async (name: string, options: PutOptions, command: Command) => {
      const { kind, payload, cron, every, timeZone, missed, overlap, jitter } = options;
      const body = {
        ...{ kind, missed, overlap, jitter },
        payload: parseObject("--payload", payload),
        time_zone: timeZone,
        ...(cron !== undefined && { cron }),
        ...(every !== undefined && { every }),
        ...reasonOf(options),
      };
      printFields(await withControl(command, options, (call) => call("PUT", pathOf(name), body)), options);
    });
  addAction(schedules, "pause", "make no jobs until it is resumed");
  addAction(schedules, "resume", "go on with the next tick");
  addAction(schedules, "remove", "remove a schedule; its jobs stay");
}

function addAction(schedules: Command, verb: "pause" | "resume" | "remove", description: string): void {
  addActOptions(addLedgerOptions(schedules.command(verb)))
    .description(description)
    .argument("<name>", "its name")
    .action(async (name: string, options: ActOptions, command: Command) => {
      const path = `${pathOf(name)}/${verb}`;
      printFields(await withControl(command, options, (call) => call("POST", path, reasonOf(options))), options);
    });
}

/** Adds `control artifacts`. */
export function addArtifactsCommand(control: Command): void {
  addList<LedgerOptions & { job?: string; mismatch?: true }>(control.command("artifacts"), {
    path: "/artifacts",
    description: "list what jobs produced, newest first",
    none: "no artifacts",
    columns: {
      ARTIFACT: "artifact_id",
      JOB: "job_id",
      NAME: "name",
      BYTES: "bytes",
      URI: "uri",
      CREATED: "created_at",
    },
    filters: ({ job, mismatch }) => ({
      job: job === undefined ? undefined : idOf("--job", job),
      mismatch: mismatch && "true",
    }),
  })
    .option("--job <id>", "only those of this job")
    .option("--mismatch", "only those whose inputs gave another hash before");
}
