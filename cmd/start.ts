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
import { feedDatabaseMetrics, logDatabaseEvents } from "../internal/obs/database.ts";
import { tickDone } from "../internal/obs/events.ts";
import { circuitsOf, databaseCheck, lastTickCheck, storeCheck } from "../internal/obs/health.ts";
import { createLogger, logAggregatorEvents } from "../internal/obs/logging.ts";
import { createRegistry, feedAggregatorMetrics } from "../internal/obs/metrics.ts";
import { type Listening, listen, opsApp } from "../internal/obs/ops-server.ts";
import { feedPriceMetrics } from "../internal/obs/price-metrics.ts";
import { runMarket } from "../internal/simulator/run.ts";
import type { Database } from "../internal/storage/database.ts";
import { writeTrades } from "../internal/storage/trades.ts";
import { keepFresh, openShare, type Upkeep, upkeep } from "./aggregator.ts";
import { priceTable } from "./price-table.ts";
import { createScreen, type Screen } from "./screen.ts";
import { serveApi } from "./serve.ts";
import {
  askDatabase,
  circuitOptions,
  daemonPatience,
  loadConfigWithWarnings,
  openMigratedDatabase,
} from "./settings.ts";
import { stopSignal } from "./stop-signal.ts";
import { UsageError } from "./usage-error.ts";

const MEMORY_URL = "pglite:memory";

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
    .action((options: Options, command: Command) => start(loadConfigWithWarnings(command), options));
}

async function start(loaded: LoadedConfig, { data, market }: Options): Promise<void> {
  const signal = stopSignal();
  const screen = createScreen(process.stdout);
  const config = withDatabase(loaded, data);
  const { url } = config.database;
  const forgotten = url === MEMORY_URL ? ", which is forgotten at the end" : "";
  screen.say(`opening the database (${maskSecrets(url)}${forgotten})`);
  const store = openStore(config.redis, { now: systemClock.now, circuit: circuitOptions("redis", config.redis) });
  const database = await openMigratedDatabase(config.database, daemonPatience(config));
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
    feedPriceMetrics(registry),
    feedApiMetrics(registry),
    feedCircuitMetrics(registry),
    feedDatabaseMetrics(registry, () => askDatabase(database)),
    logAggregatorEvents(log),
    logApiEvents(log),
    logCircuitEvents(log),
    logDatabaseEvents(log),
  ];
  const checks = {
    database: databaseCheck(database, () => current.timing.settleSeconds),
    redis: storeCheck(store),
    tick: lastTickCheck(() => current.timing, systemClock.now),
  };
  const ops = await listen(opsApp(registry, { checks, circuits: circuitsOf(database, store) }), {
    ...config.api.ops_listen,
    key: "api.ops_listen",
  });

  // Nobody is to see a price of half a history: there is no answer and no tick before all of it is there.
  const failed = new AbortController();
  const trading = market ? startMarket(database, AbortSignal.any([signal, failed.signal]), say) : NO_MARKET;
  try {
    await Promise.race([trading.ready, trading.ended]);
    if (!signal.aborted) await serve(config, database, store, () => current, ops, { screen, signal });
    say("stopping");
  } finally {
    failed.abort();
    await trading.ended;
  }
  await ops.close();
  for (const feed of feeds) feed.stop();
}

/** Answers, and keeps the values fresh, until the signal aborts. */
async function serve(
  config: Config,
  database: Database,
  store: PriceStore,
  current: () => Upkeep,
  ops: Listening,
  { screen, signal }: { screen: Screen; signal: AbortSignal },
): Promise<void> {
  const api = await serveApi(config, database, store);
  const base = `http://${api.host}:${api.port}`;
  screen.say(`where to look:
  curl '${base}/v1/price?pair=XLM/USD'
  curl '${base}/v1/vwap?pair=BTC/EUR&window=1h'
  curl '${base}/v1/ohlc?pair=ETH/USD&interval=5m'
  ${base}/docs                 every endpoint, to read and try
  http://${ops.host}:${ops.port}/metrics
Ctrl-C stops.`);
  const stopShowing = showPrices(config, store, screen);
  await keepFresh(current, signal);
  stopShowing();
  await api.close();
}

/**
 * `--data` names the directory; without it, and without a word in the configuration, the database is in memory.
 * @throws UsageError where it names none, such as a variable of a script that is not set
 */
function withDatabase({ config, origins }: LoadedConfig, data: string | undefined): Config {
  if (data?.trim() === "") throw new UsageError("--data names no directory; without --data the database is in memory");
  const isDefault = origins.get("database.url")?.from === "default";
  const url = data === undefined ? (isDefault ? MEMORY_URL : config.database.url) : urlOfDirectory(data);
  return { ...config, database: { ...config.database, url } };
}

/** A directory may have any name, `memory` too. */
function urlOfDirectory(data: string): string {
  const url = `pglite:${data}`;
  return url === MEMORY_URL ? `pglite:./${data}` : url;
}

/** A market that trades: `ready` once all of its history is written; `ended` after the signal. */
interface Trading {
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
}

const NO_MARKET: Trading = { ready: Promise.resolve(), ended: Promise.resolve() };

/** How often the writing of the history is told of, in parts of it. */
const PROGRESS_STEPS = 4;

function startMarket(database: Database, signal: AbortSignal, say: (line: string) => void): Trading {
  let isReady = (): void => {};
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  let isComplete = false;
  let steps = 0;
  const ended = runMarket({
    ...systemClock,
    signal,
    write: (rows) => writeTrades(database, rows),
    onHistory: (written, total) => {
      // What is filled in later, after the computer slept, is not the start.
      if (isComplete) return;
      isComplete = written === total;
      const step = Math.floor((written / total) * PROGRESS_STEPS);
      if (isComplete) {
        say(`the simulated market has a day of history (${written} trades) and trades on`);
        isReady();
      } else if (step > steps) say(`writing the history of the simulated market: ${written} of ${total} trades`);
      steps = step;
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
