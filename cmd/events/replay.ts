import type { Command } from "commander";
import { openArchive } from "../../internal/deliver/archive/open-archive.ts";
import { makeReadArchived } from "../../internal/deliver/archive/read-archived.ts";
import { EVENTS_TENANT } from "../../internal/storage/events/event.ts";
import { countReplay, replayEvents } from "../../internal/storage/events/replay.ts";
import { type ActOptions, print, reasonOf } from "../control/client.ts";
import { userActor } from "../control/local-endpoint.ts";
import { loadConfigOf } from "../settings.ts";
import { UsageError } from "../usage-error.ts";
import { withEventsDatabase } from "./events-database.ts";
import { timeOf } from "./list.ts";

const HELP = `
Counts the recorded events of the range that the destination is told of and that have no delivery to it; with --yes it adds
the deliveries, in the order of recording. They come after those of new events. What was stopped goes on where it is started
again. Data in the archive are read from there, if [deliver] archive is set.

What was delivered so long ago that its job was removed ([control] keep_ended_days) has no delivery any more, and would be
delivered again. Dead letters have a delivery: see stellarindex control dead-letters redrive --kind deliver.

Examples:
  stellarindex events replay --destination crm --from 2026-08-01T00:00:00Z --to 2026-08-09T00:00:00Z
  stellarindex events replay --destination crm --from 2026-08-01T00:00:00Z --to 2026-08-09T00:00:00Z --type 'order.*' \\
    --yes --reason "crm is new"
`;

interface Options extends Partial<ActOptions> {
  readonly destination: string;
  readonly from: string;
  readonly to: string;
  readonly type?: string;
  readonly yes?: true;
}

/** Adds `events replay`. */
export function addReplayCommand(events: Command): void {
  events
    .command("replay")
    .description("deliver recorded events to a destination that was not told of them")
    .requiredOption("--destination <name>", "to whom")
    .requiredOption("--from <time>", "recorded at this time or later")
    .requiredOption("--to <time>", "recorded before this time")
    .option("--type <type>", "only events of this type, or that begin so: 'order.*'")
    .option("--yes", "deliver them; without it, they are counted only")
    .option("--reason <text>", "why, for the audit log; needed with --yes")
    .option("--ticket <text>", "where it is tracked, for the audit log")
    .addHelpText("after", HELP)
    .action(async ({ destination, yes, reason, ticket, ...given }: Options, command: Command) => {
      const [from, to] = [timeOf("--from", given.from), timeOf("--to", given.to)];
      const replay = { destination, type: given.type ?? null, from, to };
      if (yes && reason === undefined) throw new UsageError("--yes needs --reason: the audit log keeps why");
      const why = reason === undefined ? null : reasonOf({ reason, ...(ticket !== undefined && { ticket }) });
      const archive = openArchive(loadConfigOf(command).config.deliver, process.env);
      const readArchived = archive && makeReadArchived(archive);
      await withEventsDatabase(command, async ({ sql }) => {
        const isAdding = yes === true && why !== null;
        const { events: count, archived } = isAdding
          ? await replayEvents(sql, { tenant: EVENTS_TENANT, name: userActor(), ...why }, replay, readArchived)
          : await countReplay(sql, EVENTS_TENANT, replay, readArchived);
        if (archived > 0) {
          process.stderr.write(
            `left out, since [deliver] archive is not set and only an archive has their data: ${archived}\n`,
          );
        }
        if (isAdding) print(`added ${count} deliveries to ${destination}`);
        else print(`${count} events would be delivered to ${destination}; --yes delivers them`);
      });
    });
}
