import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canStartRedis, makeRedisServer, type RedisServer } from "../../internal/cache/redis/server.testing.ts";
import {
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
} from "../../internal/storage/connection/database.testing.ts";
import { startProgram } from "../program.ts";

const RELOADS = 400;
/** Some 20 MB are in use from the start: a leak of 40 kB per reload would exceed the heap. */
const HEAP_MB = 36;

const isLeftOut = serverTestEngine === null || !canStartRedis();
if (isLeftOut) console.log("left out: many reloads, because it needs PostgreSQL and a redis-server to run");

describe.skipIf(isLeftOut)(`an API with a heap of ${HEAP_MB} MB`, () => {
  let database: TestDatabase;
  let redis: RedisServer;
  let directory: string;
  beforeAll(async () => {
    database = await openTestDatabase(serverTestEngine as NonNullable<typeof serverTestEngine>);
    redis = await makeRedisServer();
    await redis.start();
    directory = mkdtempSync(join(tmpdir(), "stellarindex-reloads-"));
  });
  afterAll(async () => {
    await database?.drop();
    await redis?.remove();
    if (directory !== undefined) rmSync(directory, { recursive: true });
  });

  it(`still answers after ${RELOADS} reloads, each followed by requests`, async () => {
    const file = join(directory, "stellarindex.toml");
    const write = (freshness: number): void =>
      writeFileSync(
        file,
        `[database]\nurl = "${database.url}"\n[redis]\nurl = "${redis.url}"
        [api]\nlisten = "127.0.0.1:0"\nops_listen = "127.0.0.1:0"\nprice_freshness_seconds = ${freshness}`,
      );
    write(100);
    const program = startProgram(["api", "--config", file], {
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`,
    });
    const { api } = JSON.parse(await program.line((line) => line.includes("api started")));
    for (let reload = 1; reload <= RELOADS; reload++) {
      write(100 + reload);
      const seen = program.lines.length;
      program.process.kill("SIGHUP");
      await program.line((line) => program.lines.length > seen && line === program.lines[seen]);
      expect(program.lines[seen]).toContain('"applied":["api.price_freshness_seconds"]');
      const paths = ["/v1/price?pair=XLM/USD", ...(reload % 50 === 0 ? ["/v1/openapi.json"] : [])];
      for (const path of paths) {
        const answer = await fetch(`${api}${path}`);
        expect([path, answer.status]).toEqual([path, path.includes("price") ? 404 : 200]);
        await answer.arrayBuffer();
      }
    }
    expect(await program.stop()).toBe(0);
    expect(program.errors()).toBe("");
  });
});
