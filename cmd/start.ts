import type { Command } from "commander";
import { vwapKey } from "../internal/cache/keys.ts";
import { openStore, type PriceStore } from "../internal/cache/store.ts";
import { formatTime } from "../internal/canonical/time.ts";
import type { LoadedConfig } from "../internal/config/load.ts";
import { publishedPairs } from "../internal/config/published-pairs.ts";
import type { Config } from "../internal/config/schema.ts";
import { maskSecrets } from "../internal/config/secrets.ts";
import { logApiEvents } from "../internal/obs/api-logging.ts";
import { feedApiMetrics } from "../internal/obs/api-metrics.ts";
import { feedCircuitMetrics, logCircuitEvents } from "../internal/obs/circuit.ts";
import { systemClock } from "../internal/obs/clock.ts";
import { tickDone } from "../internal/obs/events.ts";
import { circuitsOf, databaseCheck, lastTickCheck, storeCheck } from "../internal/obs/health.ts";
import { createLogger, logAggregatorEvents } from "../internal/obs/logging.ts";
import { createRegistry, feedAggregatorMetrics } from "../internal/obs/metrics.ts";
import { listen, opsApp } from "../internal/obs/ops-server.ts";
import { runMarket } from "../internal/simulator/run.ts";
import type { Database } from "../internal/storage/database.ts";
import { writeTrades } from "../internal/storage/trades.ts";
import { keepFresh, openShare, upkeep } from "./aggregator.ts";
import { priceTable } from "./price-table.ts";
import { createScreen, type Screen } from "./screen.ts";
import { serveApi } from "./serve.ts";
import { circuitOptions, loadConfigOf, openMigratedDatabase } from "./settings.ts";
import { stopSignal } from "./stop-signal.ts";

const HELP = `
Nothing else is needed: the database is embedded (in memory, unless --data or the configuration names one), the
prices live in the process, and a simulated market trades XLM, BTC and ETH, so that there is something to see.
The market is made up; its trades carry the names of real venues so that the built-in registry applies.
`;

interface Options {
  readonly data?: string;
  readonly market: boolean;
}

/** Adds `start`: database, aggregator, API and a simulated market in one go. */
export function addStartCommand(program: Command): void {
  program
    .command("start")
    .description("run everything in one go on the embedded defaults, fed by a simulated market")
    .option("--data <dir>", "keep the database in this directory")
    .option("--no-market", "without the simulated market")
    .addHelpText("after", HELP)
    .action((options: Options, command: Command) => start(loadConfigOf(command), options));
}

async function start(loaded: LoadedConfig, { data, market }: Options): Promise<void> {
  const signal = stopSignal();
  const screen = createScreen(process.stdout);
  const config = withDatabase(loaded, data);
  screen.say(`opening the database (${maskSecrets(config.database.url)})`);
  const store = openStore(config.redis, { now: systemClock.now, circuit: circuitOptions("redis", config.redis) });
  const database = await openMigratedDatabase(config.database, {
    queryTimeoutSeconds: config.database.query_timeout_seconds,
    circuit: circuitOptions("database", config.database),
  });
  try {
    await runAll(config, database, store, { market, screen, signal });
  } finally {
    await store.close();
    await database.close();
  }
  screen.say("stopped");
}

async function runAll(
  config: Config,
  database: Database,
  store: PriceStore,
  { market, screen, signal }: { market: boolean; screen: Screen; signal: AbortSignal },
): Promise<void> {
  const { say } = screen;
  const current = upkeep(config, database, store, openShare(config, store));
  const registry = createRegistry();
  const log = createLogger(process.stdout.isTTY ? "warn" : config.log.level, "start", process.stderr);
  const feeds = [
    feedAggregatorMetrics(registry),
    feedApiMetrics(registry),
    feedCircuitMetrics(registry),
    logAggregatorEvents(log),
    logApiEvents(log),
    logCircuitEvents(log),
  ];
  const checks = {
    database: databaseCheck(database),
    redis: storeCheck(store),
    tick: lastTickCheck(() => current.timing, systemClock.now),
  };
  const api = await serveApi(config, database, store);
  const ops = await listen(opsApp(registry, { checks, circuits: circuitsOf(database, store) }), config.api.ops_listen);

  const firstTrades = market
    ? startMarket(database, signal, say)
    : { ready: Promise.resolve(), ended: Promise.resolve() };
  await Promise.race([firstTrades.ready, firstTrades.ended]);
  const base = `http://${api.host}:${api.port}`;
  say(`where to look:
  curl '${base}/v1/price?pair=XLM/USD'
  curl '${base}/v1/vwap?pair=BTC/EUR&window=1h'
  curl '${base}/v1/ohlc?pair=ETH/USD&interval=5m'
  ${base}/docs                 every endpoint, to read and try
  http://${ops.host}:${ops.port}/metrics
Ctrl-C stops.`);
  const stopShowing = showPrices(config, store, screen);
  await keepFresh(() => current, signal);
  stopShowing();
  say("stopping");
  await firstTrades.ended;
  await Promise.all([api.close(), ops.close()]);
  for (const feed of feeds) feed.stop();
}

/** `--data` names the directory; without it, and without a word in the configuration, the database is in memory. */
function withDatabase({ config, origins }: LoadedConfig, data: string | undefined): Config {
  const isDefault = origins.get("database.url")?.from === "default";
  const url = data === undefined ? (isDefault ? "pglite:memory" : config.database.url) : `pglite:${data}`;
  return { ...config, database: { ...config.database, url } };
}

/** `ready` once the latest trades are written, so that the first prices are there; `ended` after the signal. */
function startMarket(
  database: Database,
  signal: AbortSignal,
  say: (line: string) => void,
): { ready: Promise<void>; ended: Promise<void> } {
  let isReady = (): void => {};
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  let isComplete = false;
  const ended = runMarket({
    ...systemClock,
    signal,
    write: (rows) => writeTrades(database, rows),
    onHistory: (written, total) => {
      isReady();
      if (written < total || isComplete) return;
      isComplete = true;
      say(`the simulated market has a day of history (${written} trades) and trades on`);
    },
    onWriteFailure: (error, retryAt) => {
      say(`the market's trades could not be written, next try at ${formatTime(retryAt)}: ${String(error)}`);
    },
  });
  return { ready, ended };
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
