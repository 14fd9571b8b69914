import { type Target, targetsOf } from "../../internal/aggregate/orchestrator/target.ts";
import { vwapKey } from "../../internal/cache/keys.ts";
import { plainClient } from "../../internal/cache/redis.testing.ts";
import { canStartRedis, makeRedisServer, type RedisServer } from "../../internal/cache/redis-server.testing.ts";
import { loadConfig } from "../../internal/config/load.ts";
import { publishedPairs } from "../../internal/config/published-pairs.ts";
import { type Environment, type RunningProgram, runProgram, startProgram } from "../program.ts";
import { type Client, startClient } from "./client.ts";
import { type Decoder, startDecoder } from "./decoder.ts";
import { type Judge, openJudge } from "./judge.ts";
import { type Observer, startObserver } from "./observer.ts";
import { canStartPostgres, makePostgresServer, type PostgresServer } from "./postgres-server.ts";
import { makeWire, type Wire } from "./wire.ts";

/** Seconds between the ticks of the suite. Recovery is counted in these. */
export const INTERVAL_SECONDS = 2;
export const SETTLE_SECONDS = 1;

/** In the daemons' URL of the database, which asks for none: no answer and no log may show it. */
export const DATABASE_PASSWORD = "s3cr3t-of-the-database";

/** A deployment to break: servers, wires to them, daemons, and those who watch from beside the wires. */
export interface World {
  readonly postgres: PostgresServer;
  /** Follows the server, a second behind, and is named after it in every URL. Null in a world without one. */
  readonly standby: PostgresServer | null;
  readonly redis: RedisServer;
  /** Between the daemons and PostgreSQL. */
  readonly databaseWire: Wire;
  /** Between the daemons and the standby. */
  readonly standbyWire: Wire | null;
  /** Between the daemons and Redis. */
  readonly redisWire: Wire;
  readonly environment: Environment;
  readonly targets: readonly Target[];
  readonly decoder: Decoder;
  readonly observer: Observer;
  readonly judge: Judge;
  /** Texts that a test has put into Redis itself. */
  readonly poison: Set<string>;
  readonly aggregators: RunningProgram[];
  /** Null in a world without an API. */
  readonly api: { readonly program: RunningProgram; readonly base: string; readonly client: Client } | null;
  /** Starts one more aggregator, and waits until it says so. */
  startAggregator(extra?: Environment): Promise<RunningProgram>;
  /** Runs one command on Redis, beside the wire. */
  redisCommand(name: string, ...args: string[]): Promise<unknown>;
  end(): Promise<void>;
}

export interface WorldOptions {
  readonly environment?: Environment;
  /** How many to begin with. */
  readonly aggregators?: number;
  readonly hasApi?: boolean;
  readonly hasStandby?: boolean;
}

/** Whether there is what a world needs; where not, says aloud what is left out. */
export function canMakeWorld(what: string): boolean {
  return canStartPostgres(what) && canStartRedis();
}

export async function makeWorld({
  environment = {},
  aggregators = 1,
  hasApi = true,
  hasStandby = false,
}: WorldOptions): Promise<World> {
  const [postgres, redis] = await Promise.all([makePostgresServer(), makeRedisServer()]);
  await Promise.all([postgres.start(), redis.start()]);
  const standby = hasStandby ? await makePostgresServer(postgres, STANDBY) : null;
  await standby?.start();
  const servers = [postgres, ...(standby === null ? [] : [standby])];
  const databaseWire = await makeWire(postgres.port);
  const standbyWire = standby === null ? null : await makeWire(standby.port);
  const redisWire = await makeWire(Number(new URL(redis.url).port));
  const settings: Environment = {
    ...SETTINGS,
    STELLARINDEX_DATABASE_URL: databaseUrl(
      `postgres:${DATABASE_PASSWORD}`,
      [databaseWire, standbyWire].filter((wire) => wire !== null),
    ),
    STELLARINDEX_REDIS_URL: throughWire(redis.url, redisWire),
    ...environment,
  };
  const migrated = await runProgram(["migrate", "up"], settings);
  if (migrated.status !== 0) throw new Error(migrated.err);

  const { config } = loadConfig({ env: settings });
  const targets = targetsOf(publishedPairs(config), config.aggregate.windows);
  const keys = targets.map(({ pair, windowSeconds }) => vwapKey(pair, windowSeconds));
  const direct = databaseUrl("postgres", servers);
  // Who does not leave a server that says nothing learns of each statement whether it was done.
  const decoder = await startDecoder(direct, SETTLE_SECONDS, hasStandby ? { queryTimeoutSeconds: 2 } : {});
  const observer = startObserver(redis.url, config.redis.key_prefix, keys);
  const judge = await openJudge(direct, config, decoder.late);
  const running: RunningProgram[] = [];
  const started: RunningProgram[] = [];

  async function start(command: string, extra: Environment): Promise<{ program: RunningProgram; line: string }> {
    const program = startProgram([command], { ...settings, ...extra });
    started.push(program);
    return { program, line: await program.line((line) => line.includes(`${command} started`)) };
  }

  async function startAggregator(extra: Environment = {}): Promise<RunningProgram> {
    const { program } = await start("aggregator", extra);
    running.push(program);
    return program;
  }

  await Promise.all(Array.from({ length: aggregators }, () => startAggregator()));
  let api: World["api"] = null;
  if (hasApi) {
    const { program, line } = await start("api", {});
    const { api: base } = JSON.parse(line);
    api = { program, base, client: startClient(base, targets) };
  }

  return {
    postgres,
    standby,
    redis,
    databaseWire,
    standbyWire,
    redisWire,
    environment: settings,
    targets,
    decoder,
    observer,
    judge,
    poison: new Set(),
    aggregators: running,
    api,
    startAggregator,
    async redisCommand(name, ...args) {
      const client = plainClient(redis.url);
      client.on("error", () => {});
      try {
        await client.connect();
        return await client.call(name, ...args);
      } finally {
        client.disconnect();
      }
    },
    async end() {
      await Promise.all([api?.client.close(), observer.close(), decoder.close(), judge.close()]);
      for (const program of started) {
        if (program.process.exitCode === null && program.process.signalCode === null) await program.stop("SIGKILL");
      }
      await Promise.all([databaseWire.close(), standbyWire?.close(), redisWire.close()]);
      await Promise.all([postgres.remove(), standby?.remove(), redis.remove()]);
    },
  };
}

/** It has what the primary has, and shows it a second later. */
export const STANDBY = { settings: ["recovery_min_apply_delay=1s"] };

const SETTINGS: Environment = {
  NODE_OPTIONS: "--unhandled-rejections=strict --trace-warnings",
  STELLARINDEX_DATABASE_TIMESCALEDB: "off",
  STELLARINDEX_DATABASE_CONNECT_TIMEOUT_SECONDS: "2",
  STELLARINDEX_DATABASE_QUERY_TIMEOUT_SECONDS: "2",
  STELLARINDEX_DATABASE_BREAKER_FAILURES: "3",
  STELLARINDEX_DATABASE_BREAKER_COOLDOWN_SECONDS: "1",
  STELLARINDEX_REDIS_BREAKER_FAILURES: "3",
  STELLARINDEX_REDIS_BREAKER_COOLDOWN_SECONDS: "1",
  STELLARINDEX_API_LISTEN: "127.0.0.1:0",
  STELLARINDEX_API_OPS_LISTEN: "127.0.0.1:0",
  STELLARINDEX_API_QUERY_TIMEOUT_SECONDS: "2",
  STELLARINDEX_AGGREGATE_OPS_LISTEN: "127.0.0.1:0",
  STELLARINDEX_AGGREGATE_PAIRS: "XLM/USD,BTC/USD,XLM/BTC",
  STELLARINDEX_AGGREGATE_WINDOWS: "10s,1m",
  STELLARINDEX_AGGREGATE_INTERVAL_SECONDS: String(INTERVAL_SECONDS),
  STELLARINDEX_AGGREGATE_BUCKET_SECONDS: "1",
  STELLARINDEX_AGGREGATE_SETTLE_SECONDS: String(SETTLE_SECONDS),
};

function throughWire(url: string, wire: Wire): string {
  const address = new URL(url);
  address.port = String(wire.port);
  return address.href;
}

/** Of servers on this machine, in their order. */
function databaseUrl(userinfo: string, servers: readonly { readonly port: number }[]): string {
  return `postgres://${userinfo}@${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}/postgres`;
}
