import { expect, it } from "vitest";
import { NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import { openTestDatabase, serverTestEngine } from "./database.testing.ts";
import { type Database, pingDatabase } from "./database.ts";
import { isUnavailable } from "./errors.ts";
import { openLate } from "./late-database.ts";
import { inTransaction } from "./transaction.ts";

it.skipIf(serverTestEngine === null)("fails as an unreachable one until it is open, and then works", async () => {
  if (serverTestEngine === null) return;
  const database = await openTestDatabase(serverTestEngine);
  const failures: string[] = [];
  let isThere = false;
  const open = async (): Promise<Database> => {
    if (isThere) return { ...database, breaker: NO_CIRCUIT_BREAKER, close: async () => {} };
    throw new Error("nobody listens");
  };
  const late = await openLate(open, ({ message }) => void failures.push(message));
  expect(failures).toEqual(["nobody listens"]);
  const error = await pingDatabase(late).catch((thrown: unknown) => thrown);
  expect(isUnavailable(error)).toBe(true);
  expect(String(error)).toContain("the database is not open: nobody listens");
  await expect(inTransaction(late.sql, "READ ONLY", async () => {})).rejects.toThrow("is not open");
  expect(late.breaker.state()).toBe("open");
  isThere = true;
  await expect.poll(() => pingDatabase(late).catch(() => null), { timeout: 10_000 }).toMatchObject({ position: null });
  expect(await inTransaction(late.sql, "READ ONLY", (sql) => sql`SELECT ${1}::int AS one`)).toEqual([{ one: 1 }]);
  await late.close();
  await database.drop();
});
