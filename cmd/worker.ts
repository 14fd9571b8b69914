import { hostname } from "node:os";
import { type Command, Option } from "commander";
import { parseDuration } from "../internal/canonical/duration.ts";
import { feedCollectorMetrics } from "../internal/collect/metrics.ts";
import { parseListen } from "../internal/config/sections/fields.ts";
import { BUILT_IN_KINDS } from "../internal/control/kinds/kinds.ts";
import { databaseCheck } from "../internal/daemon/health.ts";
import { openMigratedDatabase } from "../internal/daemon/migrated-database.ts";
import { runDaemon } from "../internal/daemon/run-daemon.ts";
import { stopSignal } from "../internal/daemon/stop-signal.ts";
import { runWorkerDaemon } from "../internal/daemon/worker.ts";
import type { Address } from "../internal/http/server.ts";
import { createLogger, type Logger } from "../internal/obs/logger.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { requireTenant } from "../internal/storage/control/tenants.ts";
import { outliveOutput } from "./output.ts";
import { loadConfigWithWarnings, namedDatabase, requireExisting } from "./settings.ts";
import { parseOption, textOf, UsageError } from "./usage-error.ts";

const KINDS = BUILT_IN_KINDS.map(({ name }) => name);
const SHORTEST_LEASE_SECONDS = 5;
const LONGEST_LEASE_SECONDS = 3600;
const SPARE_CONNECTIONS = 2;

const HELP = `
Kinds of jobs:
${BUILT_IN_KINDS.map(({ name, description }) => `  ${name}: ${description}`).join("\n")}

Any number of workers may run on one database. A worker extends its leases while it works; when it is gone, its jobs
are given to another one once their leases end. SIGTERM makes it hand back at once what it has not finished.

Example:
  stellarindex worker --concurrency 2
`;

interface Options {
  readonly tenant: string;
  readonly kinds: string[];
  readonly concurrency: string;
  readonly lease: string;
  readonly name: string;
  readonly opsListen?: string;
}

/** Adds `worker`, which does jobs. */
export function addWorkerCommand(program: Command): void {
  program
    .command("worker")
    .description("do the jobs of the ledger; see stellarindex control jobs")
    .addOption(new Option("--kinds <kind...>", "only jobs of these kinds").choices(KINDS).default(KINDS, "all"))
    .option("--concurrency <count>", "jobs at once, 1 to 100", "2")
    .option("--lease <duration>", "how long a job waits for a worker that is gone, 5s to 1h", "60s")
    .option("--name <name>", "the worker's name in history", `${hostname()}:${process.pid}`)
    .option("--tenant <tenant>", "whose jobs", "default")
    .option("--ops-listen <host:port>", "serve /metrics, /healthz and /readyz here")
    .addHelpText("after", HELP)
    .action(async (options: Options, command: Command) => {
      outliveOutput();
      const { opsListen, ...given } = options;
      const settings = settingsOf(given);
      const opsAddress =
        opsListen === undefined
          ? null
          : { ...parseOption("--ops-listen", () => parseListen(opsListen)), key: "--ops-listen" };
      const signal = stopSignal();
      const loaded = loadConfigWithWarnings(command);
      requireConnections(loaded.config.database.max_connections, settings.concurrency);
      const database = await openMigratedDatabase(requireExisting(namedDatabase(loaded)));
      try {
        await requireTenant(database.sql, settings.tenant);
        const log = createLogger(loaded.config.log.level, "worker");
        const work = () => runWorkerDaemon(loaded.config, database, log, settings, signal);
        if (opsAddress === null) await work();
        else await runObserved(database, log, opsAddress, work);
      } finally {
        await database.close();
      }
    });
}

/** Leases are extended on the connections that jobs use, too: with none left over, busy jobs would lose their leases. */
function requireConnections(connections: number, concurrency: number): void {
  if (connections >= concurrency + SPARE_CONNECTIONS) return;
  throw new UsageError(
    `--concurrency ${concurrency} needs [database] max_connections = ${concurrency + SPARE_CONNECTIONS} or more; it is ${connections}`,
  );
}

/** Does work with metrics and health on a listener. */
function runObserved(database: Database, log: Logger, opsAddress: Address, work: () => Promise<void>): Promise<void> {
  return runDaemon({ database, store: null }, log, {
    feeds: (registry) => [feedCollectorMetrics(registry)],
    readiness: { checks: { database: databaseCheck(database, () => 0) } },
    opsAddress,
    run: work,
  });
}

function settingsOf({ concurrency, lease, ...named }: Omit<Options, "opsListen">) {
  if (!/^[1-9]\d?$|^100$/.test(concurrency)) {
    throw new UsageError(`--concurrency: ${JSON.stringify(concurrency)} is not a whole number from 1 to 100`);
  }
  const leaseSeconds = Number(parseOption("--lease", () => parseDuration(lease))) / 1e6;
  if (!(leaseSeconds >= SHORTEST_LEASE_SECONDS && leaseSeconds <= LONGEST_LEASE_SECONDS)) {
    throw new UsageError(`--lease: ${JSON.stringify(lease)} is not from 5s to 1h`);
  }
  return { ...named, name: textOf("--name", named.name, 256), concurrency: Number(concurrency), leaseSeconds };
}
