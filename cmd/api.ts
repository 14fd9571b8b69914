import type { Command } from "commander";
import { refuseUnsharedStores } from "../internal/config/shared-stores.ts";
import { runApiDaemon } from "../internal/daemon/api.ts";
import { catchHangups } from "../internal/daemon/reload.ts";
import { daemonConnectionOptions, withResources } from "../internal/daemon/resources.ts";
import { stopSignal } from "../internal/daemon/stop-signal.ts";
import { outliveOutput } from "./output.ts";
import { loadConfigWithWarnings } from "./settings.ts";

const HELP = `
Serves the published values from Redis, and computes other values from the database; only closed buckets are shown.
/docs describes every endpoint and lets you try it. Health (/healthz, /readyz) and /metrics are at [api] ops_listen.

SIGHUP reloads the configuration file. Later requests use it; the log lists the keys that were applied and those that
need a restart. A file is rejected, and nothing changes, if it is invalid, lacks a table, key or entry of the last one,
or weakens access control or publication rules; such a change needs a restart. The environment of a running process
does not change.
`;

/** Adds `api`, the daemon that serves prices over HTTP. */
export function addApiCommand(program: Command): void {
  program
    .command("api")
    .description("serve prices over HTTP")
    .addHelpText("after", HELP)
    .action(async (_options: unknown, command: Command) => {
      outliveOutput();
      const signal = stopSignal();
      const hangups = catchHangups();
      const loaded = loadConfigWithWarnings(command);
      const { config } = loaded;
      refuseUnsharedStores(config);
      const options = { ...daemonConnectionOptions(config, config.api.query_timeout_seconds), acceptsStandby: true };
      await withResources(config, options, (resources) => runApiDaemon(loaded, hangups, resources, signal));
    });
}
