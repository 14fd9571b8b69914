import { join } from "node:path";
import type { Command } from "commander";
import { tickDone } from "../internal/aggregator/events.ts";
import { vwapKey } from "../internal/cache/keys.ts";
import type { PriceStore } from "../internal/cache/store.ts";
import { formatTime } from "../internal/canonical/time.ts";
import { feedCollectorMetrics } from "../internal/collect/metrics.ts";
import type { LoadedConfig } from "../internal/config/load.ts";
import { publishedPairs } from "../internal/config/published-pairs.ts";
import type { Config } from "../internal/config/schema.ts";
import { maskSecrets } from "../internal/config/secrets.ts";
import { BUILT_IN_KINDS } from "../internal/control/kinds/kinds.ts";
import { ALL_SCOPES } from "../internal/control/v1/scopes.ts";
import {
  type AggregatorRuntime,
  aggregatorFeeds,
  aggregatorReadiness,
  aggregatorRuntime,
  openAssignment,
  runAggregator,
} from "../internal/daemon/aggregator.ts";
import { apiFeeds, serveApi } from "../internal/daemon/api.ts";
import { controlMetricsFeeds, serveControl } from "../internal/daemon/control.ts";
import { type Receivers, receiversOf, startDeliveries } from "../internal/daemon/deliveries.ts";
import { configuredFeeds } from "../internal/daemon/feeds.ts";
import { openConfiguredJournal, startConfiguredGateway } from "../internal/daemon/gateway.ts";
import { localGateway } from "../internal/daemon/local-gateway.ts";
import { daemonConnectionOptions, type Resources, withResources } from "../internal/daemon/resources.ts";
import { runDaemon } from "../internal/daemon/run-daemon.ts";
import { stopSignal } from "../internal/daemon/stop-signal.ts";
import { runWorkerDaemon } from "../internal/daemon/worker.ts";
import { feedArchiveMetrics } from "../internal/deliver/archive/metrics.ts";
import { logDeliverEvents } from "../internal/deliver/log.ts";
import { feedDeliverMetrics } from "../internal/deliver/metrics.ts";
import { hashKey, makeKey } from "../internal/http/keys.ts";
import type { Address } from "../internal/http/server.ts";
import { logGatewayEvents } from "../internal/ingest/gateway/log.ts";
import { feedGatewayMetrics } from "../internal/ingest/gateway/metrics.ts";
import type { Journal } from "../internal/ingest/journal/journal.ts";
import { stopwatch, systemClock } from "../internal/lib/clock.ts";
import { createLogger, type Logger } from "../internal/obs/logger.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { directoryOf } from "../internal/storage/embedded/database-directory.ts";
import { requireDirectoryName } from "../internal/storage/embedded/directory-name.ts";
import { announceEndpoint, userActor } from "./control/local-endpoint.ts";
import { sayConnections, withLiveFeeds } from "./live-feeds.ts";
import { outliveOutput } from "./output.ts";
import { priceTable } from "./price-table.ts";
import { createScreen, type Screen } from "./screen.ts";
import { loadConfigWithWarnings } from "./settings.ts";
import { NO_MARKET, startMarket } from "./simulated-market.ts";

import { parseOption, UsageError } from "./usage-error.ts";

const MEMORY_URL = "pglite:memory";

const HELP = `
Needs nothing else: the database is embedded (in memory, unless --data or the configuration names one), the prices are
kept in the process, and a simulated market trades XLM, BTC and ETH. The trades are invented; they carry the names of
real venues so that the built-in registry applies.

With --live it collects real trades instead, from Stellar's network and the big venues, without a key: the [[feeds]] of the
configuration, or XLM, BTC and ETH at kraken, coinbase, bitstamp, binance and sdex. Tokens that are pegged to the dollar count as dollars
then, unless the configuration says otherwise. Without a network it says so for each feed, and tries again.
`;

/** A short lease: whoever starts again after a crash waits for it. */
const START_WORKER = { concurrency: 2, leaseSeconds: 15 };
const KINDS = BUILT_IN_KINDS.map(({ name }) => name);
/** Beside a simulated market nothing is collected: invented trades would mix with real ones of the same venues. */
const KINDS_BESIDE_MARKET = KINDS.filter((kind) => !kind.startsWith("collect."));

interface Options {
  readonly data?: string;
  readonly market: boolean;
  readonly live?: boolean;
}

/** Adds `start`: database, aggregator, API and a simulated market in one process. */
export function addStartCommand(program: Command): void {
  program
    .command("start")
    .description("run everything in one process on the embedded defaults, with a simulated market")
    .option("--data <dir>", "store the database in this directory")
    .option("--no-market", "do not simulate a market")
    .option("--live", "collect real trades instead of simulating a market")
    .addHelpText("after", HELP)
    .action((options: Options, command: Command) => start(loadConfigWithWarnings(command), options));
}

async function start(loaded: LoadedConfig, { data, market: isWanted, live = false }: Options): Promise<void> {
  outliveOutput();
  const signal = stopSignal();
  const screen = createScreen(process.stdout);
  const market = isWanted && !live;
  const feeding = live
    ? withLiveFeeds(loaded, systemClock.now())
    : market
      ? { ...loaded.config, feeds: [] }
      : loaded.config;
  const config = withDatabase({ ...loaded, config: feeding }, data);
  configuredFeeds(config);
  const receivers = receiversOf(config);
  const { url } = config.database;
  const forgotten = url === MEMORY_URL ? ", lost at the end" : "";
  screen.say(`opening the database (${maskSecrets(url)}${forgotten})`);
  await withResources(config, daemonConnectionOptions(config), async (resources) => {
    // What a database in memory loses, a journal would not bring back.
    const journal = url === MEMORY_URL ? null : await openConfiguredJournal(config);
    try {
      await runAll(config, { ...resources, journal, receivers }, { market, screen, signal });
    } finally {
      await journal?.close();
    }
  });
  screen.say("stopped");
}

/** What `start` works with. */
interface StartResources extends Resources {
  readonly journal: Journal | null;
  readonly receivers: Receivers;
}

async function runAll(
  config: Config,
  resources: StartResources,
  { market, screen, signal }: { market: boolean; screen: Screen; signal: AbortSignal },
): Promise<void> {
  const { say } = screen;
  const current = aggregatorRuntime(config, resources, openAssignment(config, resources.store));
  const log = createLogger(process.stdout.isTTY ? "warn" : config.log.level, "start", process.stderr);
  await runDaemon(resources, log, {
    feeds: (registry) => [
      ...aggregatorFeeds(registry, log),
      ...apiFeeds(registry, log),
      ...controlMetricsFeeds(registry, resources.database),
      feedGatewayMetrics(registry, () => resources.journal?.state() ?? null),
      logGatewayEvents(log),
      feedCollectorMetrics(registry),
      feedArchiveMetrics(registry),
      feedDeliverMetrics(registry),
      logDeliverEvents(log),
    ],
    readiness: aggregatorReadiness(resources, () => current.timing),
    opsAddress: { ...config.api.ops_listen, key: "api.ops_listen" },
    run: async (ops) => {
      // Ticks and requests begin once the whole history is written: earlier prices would be of a part of it.
      const failed = new AbortController();
      const marketSignal = AbortSignal.any([signal, failed.signal]);
      const trading = market ? startMarket(resources.database, marketSignal, say) : NO_MARKET;
      try {
        await Promise.race([trading.ready, trading.ended]);
        if (!signal.aborted) await serve(config, resources, current, { ops, log, screen, market, signal });
        say("stopping");
      } finally {
        failed.abort();
        await trading.ended;
      }
    },
  });
}

/** Runs the API with the gateway, the control API with a worker, deliveries, and the aggregator until the signal aborts. */
async function serve(
  config: Config,
  resources: StartResources,
  current: AggregatorRuntime,
  {
    ops,
    log,
    screen,
    market,
    signal,
  }: { ops: Address; log: Logger; screen: Screen; market: boolean; signal: AbortSignal },
): Promise<void> {
  const gateway = startConfiguredGateway(config, resources.database, resources.journal);
  const api = await serveApi(config, resources, localGateway(config, gateway));
  const base = `http://${api.host}:${api.port}`;
  const kinds = market ? KINDS_BESIDE_MARKET : KINDS;
  const control = await startControl(config, resources.database, log, { kinds, gateway: base }, signal);
  const deliveries = await startDeliveries(config, resources, resources.receivers, `start:${process.pid}`);
  screen.say(`where to look:
  curl '${base}/v1/price?pair=XLM/USD'
  curl '${base}/v1/vwap?pair=BTC/EUR&window=1h'
  curl '${base}/v1/ohlc?pair=ETH/USD&interval=5m'
  ${base}/docs                 every endpoint, to read and try
  npx stellarindex control jobs               the ledger of jobs, from a second terminal
  http://${ops.host}:${ops.port}/metrics
Ctrl-C stops.`);
  const stopShowing = showPrices(config, resources.store, screen);
  const stopSaying = sayConnections(screen.say, stopwatch);
  try {
    await runAggregator(() => current, signal);
  } finally {
    stopSaying();
    stopShowing();
    await deliveries.stop();
    await control.stop();
    await api.close();
    await gateway.stop();
  }
}

/** Serves the control API to commands of the same user, and does jobs, until the signal aborts. */
async function startControl(
  config: Config,
  database: Database,
  log: Logger,
  { kinds, gateway }: { readonly kinds: readonly string[]; readonly gateway: string },
  signal: AbortSignal,
): Promise<{ readonly stop: () => Promise<void> }> {
  const key = makeKey();
  const local = { name: userActor(), hash: hashKey(key), tenant: "default", scopes: ALL_SCOPES };
  const control = await serveControl(config, database, log, [local]);
  const withdraw = announceEndpoint({ url: `http://${control.host}:${control.port}`, key, gateway });
  const worker = { name: `start:${process.pid}`, tenant: "default", kinds, ...START_WORKER };
  const working = runWorkerDaemon(config, database, log, worker, signal);
  return {
    stop: async () => {
      withdraw();
      await working;
      await control.close();
    },
  };
}

/**
 * Returns the configuration with the database of `--data`; without it, and if the configuration names none, in memory. The
 * journal is in the directory of an embedded database, unless the configuration names another.
 * @throws UsageError where `--data` is empty, such as from an unset variable of a script
 */
function withDatabase({ config, origins }: LoadedConfig, data: string | undefined): Config {
  if (data?.trim() === "")
    throw new UsageError("--data is empty; name a directory, or omit it for a database in memory");
  if (data !== undefined) parseOption("--data", () => requireDirectoryName(data));
  const isDefault = (key: string): boolean => origins.get(key)?.from === "default";
  const url =
    data === undefined ? (isDefault("database.url") ? MEMORY_URL : config.database.url) : urlOfDirectory(data);
  const directory = directoryOf(url);
  const isBeside = directory !== null && isDefault("gateway.journal");
  const gateway = isBeside ? { ...config.gateway, journal: join(directory, "journal") } : config.gateway;
  return { ...config, gateway, database: { ...config.database, url } };
}

/** Returns the URL of a directory, which may be named `memory`. */
function urlOfDirectory(data: string): string {
  const url = `pglite:${data}`;
  return url === MEMORY_URL ? `pglite:./${data}` : url;
}

/** Shows the table of prices after each tick. */
function showPrices(config: Config, store: PriceStore, { show, say }: Screen): () => void {
  const { windows } = config.aggregate;
  const pairs = publishedPairs(config);
  const keys = pairs.flatMap((pair) => windows.map((window) => vwapKey(pair, window)));
  return tickDone.subscribe(({ to }) => {
    store.read(keys).then(
      (values) => show(["", `bucket end ${formatTime(to)}`, ...priceTable(pairs, windows, values)]),
      (error: unknown) => say(`the prices cannot be shown: ${String(error)}`),
    );
  });
}
