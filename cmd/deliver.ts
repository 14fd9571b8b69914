import { hostname } from "node:os";
import type { Command } from "commander";
import { refuseUnsharedStores } from "../internal/config/shared-stores.ts";
import { runDeliverDaemon } from "../internal/daemon/deliver.ts";
import { catchHangups } from "../internal/daemon/reload.ts";
import { daemonConnectionOptions, withResources } from "../internal/daemon/resources.ts";
import { stopSignal } from "../internal/daemon/stop-signal.ts";
import { outliveOutput } from "./output.ts";
import { loadConfigWithWarnings } from "./settings.ts";
import { textOf } from "./usage-error.ts";

const HELP = `
Tells the [[deliveries]] of the configuration of events: webhooks, and mutations of GraphQL APIs. What is recorded is delivered
at least once; what a destination does not take is tried again by its schedule, at the pace that it bears. Any number of these
daemons may run on one database. Health (/healthz, /readyz) and /metrics are at [deliver] ops_listen. SIGHUP reloads the
destinations.

Examples:
  stellarindex deliver
  stellarindex events show ID                              the way of an event, with every attempt
  stellarindex control dead-letters list                   what no attempt could deliver
`;

/** Adds `deliver`, the daemon that tells others of events. */
export function addDeliverCommand(program: Command): void {
  program
    .command("deliver")
    .description("tell others of events, by webhooks and GraphQL mutations")
    .option("--name <name>", "the daemon's name in history", `deliver:${hostname()}:${process.pid}`)
    .addHelpText("after", HELP)
    .action(async (options: { readonly name: string }, command: Command) => {
      outliveOutput();
      const signal = stopSignal();
      const hangups = catchHangups();
      const name = textOf("--name", options.name, 256);
      const loaded = loadConfigWithWarnings(command);
      const { config } = loaded;
      refuseUnsharedStores(config);
      await withResources(config, daemonConnectionOptions(config), (resources) =>
        runDeliverDaemon(loaded, hangups, resources, name, signal),
      );
    });
}
