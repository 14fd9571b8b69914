import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { canStartPgBouncer, type PgBouncer, startPgBouncer } from "../../../test/faults/pgbouncer.ts";
import { checkPooler } from "../../doctor/pooler.ts";
import { openDatabase } from "../open-database.ts";
import { openTestDatabase, serverTestEngine, type TestDatabase } from "./database.testing.ts";
import type { Database } from "./database.ts";
import { readOnly } from "./read-only.ts";

const canRun = serverTestEngine !== null && canStartPgBouncer("connections through PgBouncer");

describe.skipIf(!canRun)("through PgBouncer in transaction mode", () => {
  let direct: TestDatabase;
  let pooler: PgBouncer;
  const opened: Database[] = [];
  beforeAll(async () => {
    if (serverTestEngine === null) return;
    direct = await openTestDatabase(serverTestEngine);
    const { hostname, port, username, password } = new URL(direct.url);
    const secret = password === "" ? "" : ` password=${decodeURIComponent(password)}`;
    pooler = await startPgBouncer(
      `host=${hostname === "localhost" ? "127.0.0.1" : hostname} port=${port || 5432} user=${username}${secret}`,
    );
  });
  afterEach(() => Promise.all(opened.splice(0).map((each) => each.close())));
  afterAll(async () => {
    await pooler?.remove();
    await direct?.drop();
  });

  /** Opens the database like the daemons: with a query timeout, which is a startup parameter of the session. */
  async function open(parameters = "", url = direct.url): Promise<Database> {
    const through = url === direct.url ? pooledUrl() : url;
    const one = await openDatabase({ url: through + parameters, max_connections: 8 }, { queryTimeoutSeconds: 30 });
    opened.push(one);
    return one;
  }

  function pooledUrl(): string {
    const url = new URL(direct.url);
    url.host = `127.0.0.1:${pooler.port}`;
    return url.href;
  }

  it("every statement is answered, although two may run in different sessions", async () => {
    const database = await open();
    expect(database.isPooled).toBe(true);
    const asked = Array.from({ length: 200 }, async (_, n) => {
      if (n % 3 === 0) {
        return readOnly(database, async (sql) => {
          const [row] = await sql<{ n: number; zone: string }[]>`
            SELECT ${n}::int AS n, current_setting('TimeZone') AS zone WHERE ${"text"} = ${"text"}`;
          return row;
        });
      }
      const [row] = await database.sql<{ n: number; zone: string }[]>`
        SELECT ${n}::int AS n, current_setting('TimeZone') AS zone`;
      return row;
    });
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 200 }, (_, n) => ({ n, zone: "UTC" })));
  });

  it("no session state remains that another client of the pooler could see", async () => {
    const { sql } = await open();
    await Promise.all(Array.from({ length: 20 }, (_, n) => sql`SELECT ${n}::int`));
    const [row] = await sql<{ count: number }[]>`SELECT count(*)::int AS count FROM pg_prepared_statements`;
    expect(row?.count).toBe(0);
  });

  it("a setting in the URL that the pooler does not forward is refused by name, with the fix", async () => {
    await expect(open("?work_mem=8MB")).rejects.toThrow(
      /refuses a parameter of \[database\] url \(unsupported startup parameter: work_mem\); remove it/,
    );
  });

  it("doctor reports the pooler, and that queries have no timeout", async () => {
    const database = await open();
    expect(await checkPooler(database)).toMatchObject({
      status: "warning",
      cure: expect.stringContaining("ALTER ROLE"),
    });
    const { pathname } = new URL(direct.url);
    await direct.sql
      .unsafe(`
      ALTER DATABASE ${pathname.slice(1)} SET statement_timeout = '7s';
      ALTER DATABASE ${pathname.slice(1)} SET idle_in_transaction_session_timeout = '30s'`)
      .simple();
    await direct.sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`;
    const judged = async () => [await checkPooler(database)].flat().map(({ status }) => status);
    await expect.poll(judged).toEqual(["ok"]);
    expect(await checkPooler(direct)).toEqual([]);
  });

  it("a connection without a pooler keeps prepared statements and timeouts", async () => {
    const { sql, isPooled } = await open("", `${direct.url}?application_name=direct`);
    expect(isPooled).toBe(false);
    const [row] = await sql<{ limit: string; name: string; is_prepared: boolean }[]>`
      SELECT current_setting('statement_timeout') AS limit, current_setting('application_name') AS name,
        EXISTS (SELECT FROM pg_prepared_statements WHERE statement LIKE '%this one%') AS is_prepared WHERE ${1}::int = 1`;
    expect(row).toEqual({ limit: "30s", name: "direct", is_prepared: true });
  });
});
