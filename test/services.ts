import { existsSync } from "node:fs";
import { Redis } from "ioredis";
import postgres from "postgres";
import { createTestDatabase, migrateTestDatabase } from "../internal/storage/connection/database.testing.ts";
import { embeddedTemplates } from "./embedded-templates.ts";

const LOCAL_POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres";
const LOCAL_REDIS = "redis://127.0.0.1:6379";

/**
 * Finds the services that tests can use, passes their URLs on in the environment, and prints what is left out.
 * A service that the environment names must answer; one at a default address may be missing.
 */
export default async function findServices(): Promise<() => Promise<void>> {
  await find("STELLARINDEX_TEST_POSTGRES_URL", LOCAL_POSTGRES, answersPostgres, "tests on PostgreSQL");
  await find("STELLARINDEX_TEST_REDIS_URL", LOCAL_REDIS, answersRedis, "tests on Redis");
  const stopTimescale = await findTimescale();
  process.env["STELLARINDEX_TEST_EMBEDDED_TEMPLATES"] = await embeddedTemplates();
  const dropTemplate = await makeServerTemplate();
  return async () => {
    await dropTemplate?.();
    await stopTimescale?.();
  };
}

/** Makes a migrated database on the PostgreSQL server, which test databases are copied from. */
async function makeServerTemplate(): Promise<(() => Promise<void>) | undefined> {
  const server = process.env["STELLARINDEX_TEST_POSTGRES_URL"];
  if (server === undefined || server === "") return undefined;
  const { url, open, drop } = await createTestDatabase({ name: "postgres", timescaledb: "off", server });
  const database = await open();
  await migrateTestDatabase(database, { timescaledb: "off" });
  await database.close();
  process.env["STELLARINDEX_TEST_POSTGRES_TEMPLATE"] = new URL(url).pathname.slice(1);
  return drop;
}

async function find(
  variable: string,
  local: string,
  answers: (url: string) => Promise<string | null>,
  what: string,
): Promise<void> {
  const named = process.env[variable];
  const problem = await answers(named ?? local);
  if (problem === null) {
    process.env[variable] = named ?? local;
    console.log(`in use: ${what}`);
    return;
  }
  if (named !== undefined && named !== "") throw new Error(`${variable} is set, but nothing answers there: ${problem}`);
  console.log(`left out: ${what}, because none answers at ${local} and ${variable} names none (${problem})`);
}

async function findTimescale(): Promise<(() => Promise<void>) | undefined> {
  const named = process.env["STELLARINDEX_TEST_DATABASE_URL"];
  if (named !== undefined && named !== "") {
    const problem = await answersPostgres(named);
    if (problem !== null)
      throw new Error(`STELLARINDEX_TEST_DATABASE_URL is set, but nothing answers there: ${problem}`);
    console.log("in use: tests on TimescaleDB");
    return undefined;
  }
  if (process.env["DOCKER_HOST"] === undefined && !existsSync("/var/run/docker.sock")) {
    console.log(
      "left out: tests on TimescaleDB, because STELLARINDEX_TEST_DATABASE_URL names none and no Docker engine is here",
    );
    return undefined;
  }
  const { GenericContainer, Wait } = await import("testcontainers");
  const container = await new GenericContainer("timescale/timescaledb:latest-pg17")
    .withEnvironment({ POSTGRES_HOST_AUTH_METHOD: "trust" })
    .withExposedPorts(5432)
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
    .start();
  const url = `postgres://postgres@${container.getHost()}:${container.getMappedPort(5432)}/postgres`;
  process.env["STELLARINDEX_TEST_DATABASE_URL"] = url;
  console.log("in use: tests on TimescaleDB, in a container");
  return async () => {
    await container.stop();
  };
}

async function answersPostgres(url: string): Promise<string | null> {
  const sql = postgres(url, { max: 1, connect_timeout: 3, onnotice: () => {} });
  try {
    await sql`SELECT 1`;
    return null;
  } catch (error) {
    return reason(error);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function answersRedis(url: string): Promise<string | null> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on("error", () => {});
  try {
    await redis.connect();
    await redis.ping();
    return null;
  } catch (error) {
    return reason(error);
  } finally {
    redis.disconnect();
  }
}

function reason(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" ? code : error instanceof Error ? error.message : String(error);
}
