import { Argument, type Command } from "commander";
import { addAct } from "./act.ts";
import type { ActOptions } from "./client.ts";
import { addList } from "./list.ts";
import { timeOf } from "./options.ts";

/** Adds `control pauses` and `control blackouts`. */
export function addPausesCommands(control: Command): void {
  addPauses(control.command("pauses").description("pause and resume sources, feeds and runs"));
  addBlackouts(control.command("blackouts").description("see and set times in which nothing is leased"));
}

function addPauses(pauses: Command): void {
  addList(pauses.command("list", { isDefault: true }), {
    path: "/pauses",
    description: "list what is paused",
    none: "nothing is paused",
    columns: { SCOPE: "scope", NAME: "name", SINCE: "since", ACTOR: "actor", REASON: "reason" },
    isPaged: false,
  });
  const add = (verb: "pause" | "resume", description: string) =>
    addAct(
      pauses
        .command(verb)
        .addArgument(new Argument("<scope>", "what").choices(["source", "feed", "run"]))
        .argument("<name>", "the name of the source or feed, or the run's id"),
      description,
      ([scope, name]) => ({ path: `/pauses/${verb}`, body: { target: { scope, name } } }),
    );
  add("pause", "lease nothing of a source, feed or run; what is leased runs on");
  add("resume", "lift a pause");
}

function addBlackouts(blackouts: Command): void {
  addList(blackouts.command("list", { isDefault: true }), {
    path: "/blackouts",
    description: "list blackouts, newest first",
    none: "no blackouts",
    columns: {
      BLACKOUT: "blackout_id",
      SOURCE: "source",
      FROM: "from",
      UNTIL: "until",
      ACTOR: "actor",
      REASON: "reason",
    },
  });
  addAct<ActOptions & { from: string; until: string; source?: string; yes?: true }>(
    blackouts.command("add"),
    "lease nothing from one time on and before another",
    (_args, { from, until, source = "", yes }) => ({
      path: "/blackouts/add",
      body: { source, from: timeOf("--from", from), until: timeOf("--until", until), confirm: yes === true },
    }),
  )
    .requiredOption("--from <time>", "RFC 3339")
    .requiredOption("--until <time>", "RFC 3339")
    .option("--source <source>", "only jobs of this source")
    .option("--yes", "without --source: stop all work of the tenant");
  addAct(blackouts.command("remove").argument("<id>", "its id"), "remove a blackout", ([id = ""]) => ({
    path: `/blackouts/${encodeURIComponent(id)}/remove`,
    body: {},
  }));
}
