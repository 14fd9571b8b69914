import type { Command } from "commander";
import { ALL_TARGETS } from "../internal/aggregator/assignment.ts";
import { runTick } from "../internal/aggregator/tick.ts";
import { latestClosed } from "../internal/canonical/bucket.ts";
import { earlierOf, floorTo, formatTime, type Micros, parseTime, seconds } from "../internal/canonical/time.ts";
import type { Config } from "../internal/config/schema.ts";
import { refuseUnsharedStores } from "../internal/config/shared-stores.ts";
import { aggregatorFeeds, runAggregatorDaemon, tickContext } from "../internal/daemon/aggregator.ts";
import { catchHangups } from "../internal/daemon/reload.ts";
import { daemonConnectionOptions, type Resources, withResources } from "../internal/daemon/resources.ts";
import { stopSignal } from "../internal/daemon/stop-signal.ts";
import { systemClock } from "../internal/lib/clock.ts";
import { createLogger } from "../internal/obs/logger.ts";
import { createRegistry } from "../internal/obs/registry.ts";
import { outliveOutput } from "./output.ts";
import { loadConfigOf, loadConfigWithWarnings } from "./settings.ts";
import { parseOption, UsageError } from "./usage-error.ts";

const HELP = `
Every interval_seconds it computes, for every pair and window, the volume-weighted average price of the bucket that has
just closed, and writes it to Redis with the window as TTL. A pair without a price of its own gets one through other
markets. Between ticks it compares the prices with the references of [divergence]. It is stateless: it can be stopped,
killed and started anywhere. Health (/healthz, /readyz) and /metrics are at [aggregate] ops_listen.

SIGHUP reloads the configuration file. The next tick uses it; the log lists the keys that were applied and those that
need a restart. A file is rejected, and nothing changes, if it is invalid, lacks a table, key or entry of the last one,
or weakens publication rules; such a change needs a restart. The environment of a running process does not change.
`;

/** Adds `aggregator`, the daemon that computes and publishes values. */
export function addAggregatorCommand(program: Command): void {
  program
    .command("aggregator")
    .description("compute the prices of all targets on a timer and write them to Redis")
    .option("--once", "run one tick for the latest closed boundary, then exit")
    .option("--at <time>", "with --once: the latest boundary at or before this time (RFC 3339)")
    .addHelpText("after", HELP)
    .action(async ({ once = false, at }: { once?: boolean; at?: string }, command: Command) => {
      if (at !== undefined && !once) throw new UsageError("--at needs --once");
      if (!once) outliveOutput();
      const signal = stopSignal();
      const hangups = catchHangups();
      const loaded = once ? loadConfigOf(command) : loadConfigWithWarnings(command);
      const { config } = loaded;
      refuseUnsharedStores(config);
      const to = once ? boundaryOf(at, config) : null;
      await withResources(config, daemonConnectionOptions(config), async (resources) => {
        if (to === null) await runAggregatorDaemon(loaded, hangups, resources, signal);
        else process.exitCode = await runOnce(config, resources, to, signal);
      });
    });
}

/** Runs one tick; returns the exit status, 1 where any target failed. */
async function runOnce(config: Config, resources: Resources, to: Micros, signal: AbortSignal): Promise<number> {
  const feeds = aggregatorFeeds(createRegistry(), createLogger(config.log.level, "aggregator"));
  const { counts, abandoned, error } = await runTick(tickContext(config, resources, ALL_TARGETS), to, signal);
  for (const feed of feeds) feed.stop();
  return error === null && counts.error === 0 && abandoned === 0 ? 0 : 1;
}

/** Returns the boundary of the tick, which is closed. @throws UsageError where `--at` is in the future */
function boundaryOf(at: string | undefined, { aggregate }: Config): Micros {
  const { interval_seconds, settle_seconds } = aggregate;
  const latest = latestClosed(systemClock.now(), interval_seconds, settle_seconds);
  if (at === undefined) return latest;
  const moment = parseOption("--at", () => parseTime(at));
  if (moment > systemClock.now()) throw new UsageError(`--at ${formatTime(moment)} is in the future`);
  return earlierOf(latest, floorTo(moment, seconds(interval_seconds)));
}
