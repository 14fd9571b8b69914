import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "./database.testing.ts";
import { requireWritable } from "./writable.ts";

describe.each(enginesOf(testEngines))("the check that trades can be written on $name", (engine) => {
  const role = `stellarindex_reader_${randomBytes(6).toString("hex")}`;
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    await database.sql.unsafe(`CREATE ROLE ${role}`);
  });
  afterAll(async () => {
    await database.sql.unsafe(`DROP OWNED BY ${role}`);
    await database.sql.unsafe(`DROP ROLE ${role}`);
    await database.drop();
  });

  const judgedAfter = (statement: string) =>
    database.sql.begin(async (sql) => {
      await sql.unsafe(statement);
      await requireWritable(sql);
    });

  it("passes for the owner", async () => {
    await requireWritable(database.sql);
  });

  it("reports a role without the right, and a read-only role, with the role whose URL is needed", async () => {
    const cure =
      "set STELLARINDEX_DATABASE_URL to the URL of the owner of the tables (postgres://stellarindex_owner:…)";
    await expect(judgedAfter(`SET LOCAL ROLE ${role}`)).rejects.toThrow(
      `trades cannot be written: the role ${role} may not insert into trades; ${cure}`,
    );
    await expect(judgedAfter("SET TRANSACTION READ ONLY")).rejects.toThrow(
      /^trades cannot be written: transactions of \w+ are read only here \(SHOW default_transaction_read_only\); set/,
    );
  });
});
