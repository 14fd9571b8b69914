import type { Command } from "commander";
import { openConfiguredJournal, runGatewayDaemon } from "../internal/daemon/gateway.ts";
import { openMigratedDatabase } from "../internal/daemon/migrated-database.ts";
import { catchHangups } from "../internal/daemon/reload.ts";
import { daemonConnectionOptions } from "../internal/daemon/resources.ts";
import { stopSignal } from "../internal/daemon/stop-signal.ts";
import { openLate } from "../internal/storage/connection/late-database.ts";
import { addQuarantineCommands } from "./gateway/quarantine.ts";
import { outliveOutput } from "./output.ts";
import { loadConfigWithWarnings, namedDatabase } from "./settings.ts";

const HELP = `
Takes trades at [gateway] listen (POST /v1/trades, as JSON or NDJSON), and events (POST /v1/events), with a key of the
configuration. What it has answered for is on disk: in PostgreSQL or, while that does not answer, in the journal, from which it is stored later. It starts and
works without a database, too. Health (/healthz, /readyz) and /metrics are at [gateway] ops_listen. SIGHUP reloads the keys.

Examples:
  stellarindex key binance-feed --gateway                  make a key
  stellarindex gateway                                     run the daemon
  stellarindex gateway quarantine list                     what could not be stored
`;

/** Adds `gateway`: the daemon that takes trades over HTTP, and the commands of its quarantine. */
export function addGatewayCommand(program: Command): void {
  const gateway = program
    .command("gateway")
    .description("take trades and events over HTTP; see what could not be stored")
    .addHelpText("after", HELP)
    .action(async (_options: unknown, command: Command) => {
      outliveOutput();
      const signal = stopSignal();
      const hangups = catchHangups();
      const loaded = loadConfigWithWarnings(command);
      const settings = namedDatabase(loaded);
      const open = () => openMigratedDatabase(settings, daemonConnectionOptions(loaded.config));
      const journal = await openConfiguredJournal(loaded.config);
      try {
        // An embedded database that cannot be opened will not come back by itself.
        const database = settings.url.startsWith("pglite:") ? await open() : await openLate(open, reporter());
        try {
          await runGatewayDaemon(loaded, hangups, { database, journal }, signal);
        } finally {
          await database.close();
        }
      } finally {
        await journal.close();
      }
    });
  addQuarantineCommands(gateway);
}

/** Returns a function that writes why the database cannot be opened, once for each reason. */
function reporter(): (error: Error) => void {
  let last = "";
  return ({ message }) => {
    if (message !== last)
      process.stderr.write(`stellarindex: ${message}; what is sent goes to the journal until it is open\n`);
    last = message;
  };
}
