import type { Command } from "commander";
import { runControlDaemon } from "../internal/daemon/control.ts";
import { openMigratedDatabase } from "../internal/daemon/migrated-database.ts";
import { catchHangups } from "../internal/daemon/reload.ts";
import { daemonConnectionOptions } from "../internal/daemon/resources.ts";
import { stopSignal } from "../internal/daemon/stop-signal.ts";
import { addDeadLettersCommands } from "./control/dead-letters.ts";
import { addEventsCommand } from "./control/events.ts";
import { addFailuresCommand } from "./control/failures.ts";
import { addFeedsCommands } from "./control/feeds.ts";
import { addIncidentsCommands } from "./control/incidents.ts";
import { addJobsCommands } from "./control/jobs.ts";
import { addLimitsCommands } from "./control/limits.ts";
import { addMessagesCommand } from "./control/messages.ts";
import { addPausesCommands } from "./control/pauses.ts";
import { addControlBackfillCommand, addRunsCommands } from "./control/runs.ts";
import { addArtifactsCommand, addSchedulesCommands } from "./control/schedules.ts";
import { outliveOutput } from "./output.ts";
import { loadConfigWithWarnings, namedDatabase, requireExisting } from "./settings.ts";

const HELP = `
Without a subcommand this is the control daemon: it serves the control API at [control] listen for the keys of the
configuration, and returns jobs of lost workers to their lanes. Any number of daemons may run. SIGHUP reloads the keys.
\`stellarindex worker\` does the jobs; any number of workers may run.

The subcommands use the same API: on the configured database without a daemon, or over HTTP with --url. Without both they
find a \`stellarindex start\` of the same user.

Examples:
  stellarindex control                                        run the daemon
  stellarindex control jobs submit rollups.verify
  stellarindex control jobs
  stellarindex control jobs show 1
  stellarindex control jobs cancel 1 --reason "submitted by mistake"
  stellarindex control pauses pause source kraken --reason "maintenance of the venue"
  stellarindex control dead-letters redrive --kind fx.import --dry-run --reason "the host is back"
  stellarindex control audit
`;

/** Adds `control`: the daemon, and the commands that see and steer the ledger. */
export function addControlCommand(program: Command): void {
  const control = program
    .command("control")
    .description("run the control daemon; see and steer the jobs of this installation")
    .addHelpText("after", HELP)
    .action(async (_options: unknown, command: Command) => {
      outliveOutput();
      const signal = stopSignal();
      const hangups = catchHangups();
      const loaded = loadConfigWithWarnings(command);
      const settings = requireExisting(namedDatabase(loaded));
      const database = await openMigratedDatabase(settings, daemonConnectionOptions(loaded.config));
      try {
        await runControlDaemon(loaded, hangups, database, signal);
      } finally {
        await database.close();
      }
    });
  addJobsCommands(control);
  addDeadLettersCommands(control);
  addLimitsCommands(control);
  addPausesCommands(control);
  addIncidentsCommands(control);
  addFailuresCommand(control);
  addMessagesCommand(control);
  addEventsCommand(control);
  addFeedsCommands(control);
  addRunsCommands(control);
  addControlBackfillCommand(control);
  addSchedulesCommands(control);
  addArtifactsCommand(control);
}
