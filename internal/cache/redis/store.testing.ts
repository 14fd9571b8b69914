import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";

const { STELLARINDEX_TEST_REDIS_URL: URL_FOR_TESTS = "redis://127.0.0.1:6379" } = process.env;

let answer: Promise<string | null> | undefined;

/** The URL of a Redis for tests; null, with one printed line per file, if none answers. Tests share it: use a key prefix. */
export function testRedisUrl(): Promise<string | null> {
  answer ??= probe();
  return answer;
}

async function probe(): Promise<string | null> {
  const client = plainClient(URL_FOR_TESTS);
  let why = "";
  client.on("error", (error: NodeJS.ErrnoException) => {
    why = error.message || (error.code ?? error.name);
  });
  try {
    await client.connect();
    await client.ping();
    return URL_FOR_TESTS;
  } catch (error) {
    const { host } = new URL(URL_FOR_TESTS);
    console.warn(
      `left out: tests against Redis, because none answers at ${host} (${why || String(error)}); STELLARINDEX_TEST_REDIS_URL names another`,
    );
    return null;
  } finally {
    client.disconnect();
  }
}

/** Returns a key prefix that no other test uses. */
export function testKeyPrefix(): string {
  return `stellarindex-test:${randomUUID()}:`;
}

/** Deletes only the keys under a prefix made by `testKeyPrefix`. */
export async function deleteTestKeys(url: string, prefix: string): Promise<void> {
  if (!prefix.startsWith("stellarindex-test:")) throw new Error(`${prefix} is not a prefix of tests`);
  const client = plainClient(url);
  client.on("error", () => {});
  try {
    await client.connect();
    for await (const keys of client.scanStream({ match: `${prefix}*`, count: 1000 })) {
      if ((keys as string[]).length > 0) await client.del(...(keys as string[]));
    }
  } finally {
    client.disconnect();
  }
}

/** Returns a plain client without retries, which fails immediately. */
export function plainClient(url: string): Redis {
  return new Redis(url, {
    lazyConnect: true,
    connectTimeout: 1_000,
    commandTimeout: 5_000,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    replyMapping: "legacy",
  });
}
