import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { asError } from "../../internal/lib/as-error.ts";
import { type ConnectionOptions, type Database, pingDatabase } from "../../internal/storage/connection/database.ts";
import { inTransaction } from "../../internal/storage/connection/transaction.ts";
import { openDatabase } from "../../internal/storage/open-database.ts";
import { canStartPostgres, makePostgresServer, type PostgresServer } from "./postgres-server.ts";

describe.skipIf(!canStartPostgres("several hosts in one URL"))("a URL with a primary and its standby", () => {
  let primary: PostgresServer;
  let standby: PostgresServer;
  const opened: Database[] = [];

  beforeAll(async () => {
    primary = await makePostgresServer();
    await primary.start();
    const owner = await open(primary.url);
    // Like the project's own role of the daemons.
    await owner.sql.unsafe("CREATE ROLE reader LOGIN; ALTER ROLE reader SET default_transaction_read_only = on");
    standby = await makePostgresServer(primary);
    await standby.start();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((each) => each.close()));
  });
  afterAll(async () => {
    await Promise.all([standby?.remove(), primary?.remove()]);
  });

  async function open(url: string, options: ConnectionOptions = {}): Promise<Database> {
    const database = await openDatabase({ url, max_connections: 4, connect_timeout_seconds: 5 }, options);
    opened.push(database);
    return database;
  }

  const address = ({ port }: PostgresServer) => `127.0.0.1:${port}`;
  const standbyFirst = (parameters = "") =>
    `postgres://reader@${address(standby)},${address(primary)}/postgres${parameters}`;
  const primaryFirst = (parameters = "") =>
    `postgres://reader@${address(primary)},${address(standby)}/postgres${parameters}`;
  const roleOf = async (database: Database) =>
    (await pingDatabase(database)).position === null ? "primary" : "standby";
  const soon = { timeout: 30_000 };

  /** Returns the roles of the servers that several connections reach, over several starts. */
  async function rolesAt(url: string, options: ConnectionOptions = {}): Promise<Set<string>> {
    const found = new Set<string>();
    for (let start = 0; start < 5; start++) {
      const database = await open(url, options);
      for (const role of await Promise.all([1, 2, 3, 4].map(() => roleOf(database)))) found.add(role);
      await database.close();
    }
    return found;
  }

  it.each([
    ["", "primary"],
    ["?target_session_attrs=primary", "primary"],
    ["?target_session_attrs=read-write", "primary"],
    ["?target_session_attrs=standby", "standby"],
    ["?target_session_attrs=read-only", "standby"],
    ["?target_session_attrs=prefer-standby", "standby"],
  ])("with %s connects to the %s at each start, whichever is named first", async (parameters, role) => {
    expect(await rolesAt(standbyFirst(parameters))).toEqual(new Set([role]));
    expect(await rolesAt(primaryFirst(parameters))).toEqual(new Set([role]));
  });

  it.each([
    ["the URL has target_session_attrs=any", "?target_session_attrs=any", {}],
    ["standbys are accepted and the URL has no such parameter", "", { acceptsStandby: true }],
  ])("connects to the first one if %s", async (_what, parameters, options) => {
    expect(await rolesAt(standbyFirst(parameters), options)).toEqual(new Set(["standby"]));
    expect(await rolesAt(primaryFirst(parameters), options)).toEqual(new Set(["primary"]));
  });

  it("prefers the primary, uses the standby while it is down, and returns, without losing a transaction", async () => {
    const circuit = {
      failures: 100,
      cooldownSeconds: 1,
      stopwatch: () => performance.now() / 1000,
      onChange: () => {},
    };
    const database = await open(standbyFirst(), { circuit });
    const strict = await open(standbyFirst("?target_session_attrs=primary"));
    expect(await roleOf(database)).toBe("primary");
    await primary.stop("fast");
    await expect.poll(() => roleOf(database).catch(() => null), soon).toBe("standby");
    await expect.poll(() => roleOf(strict).catch((error) => asError(error).message)).toContain("is a standby");
    await primary.start();
    await expect.poll(() => roleOf(strict).catch(() => null), soon).toBe("primary");
    // Queries run all the time, in slow transactions.
    let isBack = false;
    const ask = async (): Promise<void> => {
      while (!isBack) {
        let isBegun = false;
        const read = () =>
          inTransaction(database.sql, "READ ONLY", async (transaction) => {
            await transaction`SELECT 1`;
            isBegun = true;
            await transaction`SELECT pg_sleep(0.05)`;
            await transaction`SELECT pg_sleep(0.05)`;
          });
        await database.breaker.runWithRetry(read, () => !isBegun);
      }
    };
    const asked = Promise.all([ask(), ask()]);
    await expect.poll(() => roleOf(database), soon).toBe("primary");
    isBack = true;
    await asked;
    const all = () => Promise.all([1, 2, 3, 4].map(() => roleOf(database)));
    await expect.poll(all).toEqual(Array(4).fill("primary"));
  });

  it("uses the standby while the primary is frozen", async () => {
    primary.freeze();
    try {
      expect(await roleOf(await open(primaryFirst()))).toBe("standby");
    } finally {
      primary.thaw();
    }
  });

  it("treats a promoted standby as the primary", async () => {
    await primary.stop("immediate");
    const database = await open(primaryFirst());
    expect(await roleOf(database)).toBe("standby");
    const owner = await open(standby.url);
    await owner.sql`SELECT pg_promote()`;
    await expect.poll(() => roleOf(database), soon).toBe("primary");
    expect(await rolesAt(primaryFirst("?target_session_attrs=primary"))).toEqual(new Set(["primary"]));
  });
});
