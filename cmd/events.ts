import type { Command } from "commander";
import { addListCommand } from "./events/list.ts";
import { addReplayCommand } from "./events/replay.ts";
import { addShowCommand } from "./events/show.ts";

const HELP = `
Events are posted to the gateway (POST /v1/events), or are the index's own, such as price.published. Each is on record, with a
delivery for each destination that is told of it. Deliveries are jobs of the control plane, of the kind deliver; their source
and host is the destination. So what steers jobs steers them, too.

Examples:
  stellarindex events show 17
  stellarindex events list --undelivered --destination crm
  stellarindex events replay --destination crm --from 2026-08-01T00:00:00Z --to 2026-08-09T00:00:00Z
  stellarindex control dead-letters redrive --kind deliver --host crm --yes --reason "crm is back"
  stellarindex control pauses resume source crm --reason "crm has moved"
`;

/** Adds `events`: the commands that show events and where they are, and deliver them to a new destination. */
export function addEventsCommands(program: Command): void {
  const events = program
    .command("events")
    .description("see events and their deliveries, and deliver those of the past")
    .addHelpText("after", HELP);
  addShowCommand(events);
  addListCommand(events);
  addReplayCommand(events);
}
