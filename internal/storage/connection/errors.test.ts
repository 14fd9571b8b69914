import { describe, expect, it } from "vitest";
import { openDatabase } from "../open-database.ts";
import { createTestDatabase, serverTestEngine } from "./database.testing.ts";
import { isTimedOut, isTransient, isUnavailable } from "./errors.ts";
import { readOnly } from "./read-only.ts";

it.each([
  ["a refused connection", { code: "ECONNREFUSED" }, [true, true, false]],
  ["a server that stops", { code: "57P01", severity: "FATAL" }, [true, true, false]],
  ["a refused password", { code: "28P01", severity: "FATAL" }, [true, false, false]],
  ["a missing database", { code: "3D000", severity: "FATAL" }, [true, false, false]],
  ["too many connections", { code: "53300", severity: "FATAL" }, [true, true, false]],
  ["too little memory for a statement", { code: "53200", severity: "ERROR" }, [false, false, true]],
  ["too large a sort", { code: "53400", severity: "ERROR" }, [false, false, true]],
  ["a statement that took too long", { code: "57014", severity: "ERROR" }, [false, false, true]],
  ["a wrong statement", { code: "42601", severity: "ERROR" }, [false, false, false]],
])("%s", (_, error, expected) => {
  expect([isUnavailable(error), isTransient(error), isTimedOut(error)]).toEqual(expected);
});

const isLeftOut = serverTestEngine === null;
if (isLeftOut) console.log("left out: a database that refuses logins, because there is no PostgreSQL");

describe.skipIf(isLeftOut)("a database that refuses logins", () => {
  it("is reported as such, counts as unavailable, and opens the circuit", async () => {
    const { url, drop } = await createTestDatabase(serverTestEngine as NonNullable<typeof serverTestEngine>);
    const name = new URL(url).pathname.slice(1);
    const admin = new URL(url);
    admin.pathname = "/postgres";
    const owner = await openDatabase({ url: admin.href, max_connections: 1 });
    const circuit = { failures: 2, cooldownSeconds: 60, stopwatch: () => 0, onChange: () => {} };
    const database = await openDatabase({ url, max_connections: 1 }, { circuit });
    try {
      await owner.sql.unsafe(`ALTER DATABASE "${name}" ALLOW_CONNECTIONS false`);
      await owner.sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${name}`;
      const errors: unknown[] = [];
      // The first queries fail with the lost connection.
      const refused = { code: "55000", severity: "FATAL" };
      await expect.poll(() => database.sql`SELECT 1`.catch((error: unknown) => error)).toMatchObject(refused);
      await expect(database.sql`SELECT 1`).rejects.toMatchObject(refused);
      for (let time = 0; time < 4; time++) {
        await readOnly(database, async () => {}).catch((error: unknown) => errors.push(error));
      }
      expect(errors.map(isUnavailable)).toEqual([true, true, true, true]);
      expect(database.breaker.state()).toBe("open");
    } finally {
      await owner.sql.unsafe(`ALTER DATABASE "${name}" ALLOW_CONNECTIONS true`);
      await Promise.all([database.close(), owner.close()]);
      await drop();
    }
  });
});
