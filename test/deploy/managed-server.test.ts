import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { afterAll, describe, expect, it } from "vitest";
import { checkSchema } from "../../internal/doctor/schema.ts";
import { migrateTestDatabase, serverTestEngine } from "../../internal/storage/connection/database.testing.ts";
import { openDatabase } from "../../internal/storage/open-database.ts";
import { requireMigrated } from "../../internal/storage/schema/migrate.ts";
import { hasPsql, rolesOf } from "./roles.ts";
import { readDeployed } from "./tools.ts";

const server = serverTestEngine?.server ?? null;
const id = randomBytes(6).toString("hex");
const [master, owner, name] = [`stellarindex_master_${id}`, `stellarindex_owner_${id}`, `stellarindex_${id}`];

const urlOf = (username: string, pathname: string): string =>
  Object.assign(new URL(String(server)), { username, password: id, pathname: `/${pathname}` }).href;

const asSuperuser = async (...statements: string[]): Promise<void> => {
  const sql = postgres(String(server), { max: 1, onnotice: () => {} });
  for (const statement of statements) await sql.unsafe(statement);
  await sql.end();
};

/** Runs owner.sql as the master user, with names of this test's own. */
function makeOwner(password: string): Promise<{ err: string; status: number | null }> {
  const script = readDeployed("postgresql", "owner.sql")
    .replace(/\bstellarindex\b/g, name)
    .replaceAll("stellarindex_owner", owner);
  const env = { ...process.env, OWNER_PASSWORD: password };
  return new Promise((resolve) => {
    const child = execFile("psql", ["-Xq", urlOf(master, "postgres")], { env }, (_error, _out, err) =>
      resolve({ err, status: child.exitCode }),
    );
    child.stdin?.end(script);
  });
}

describe.skipIf(!hasPsql || server === null)("a managed server, whose master user is no superuser", () => {
  const roles = rolesOf(urlOf(master, name));
  afterAll(async () => {
    await asSuperuser(`DROP DATABASE IF EXISTS ${name}`);
    await roles.drop();
    await asSuperuser(`DROP ROLE IF EXISTS ${owner}, ${master}`);
  });

  it("gets the owner and its database by owner.sql, the tables by migrate, and the other roles by rights.sql", async () => {
    await asSuperuser(`CREATE ROLE ${master} LOGIN CREATEROLE CREATEDB PASSWORD '${id}'`);
    expect(await makeOwner("")).toMatchObject({ err: expect.stringContaining("OWNER_PASSWORD must be"), status: 3 });
    for (let run = 0; run < 2; run++) expect(await makeOwner(id)).toEqual({ err: "", status: 0 });

    const owned = await openDatabase({ url: urlOf(owner, name), max_connections: 2 });
    try {
      await migrateTestDatabase(owned, { timescaledb: "off" });
      const passwords = { ...roles.withGateway, ...roles.withDeliver, CONTROL_PASSWORD: id };
      for (let run = 0; run < 2; run++) expect(await roles.give(passwords)).toEqual({ err: "", status: 0 });
      expect(await checkSchema(owned)).toEqual([expect.objectContaining({ status: "ok" })]);
      const [may] =
        await owned.sql`SELECT rolcreaterole, rolcreatedb, rolsuper FROM pg_roles WHERE rolname = current_user`;
      expect(may).toEqual({ rolcreaterole: false, rolcreatedb: false, rolsuper: false });
    } finally {
      await owned.close();
    }
    for (const url of [roles.readerUrl, roles.controlUrl, roles.gatewayUrl, roles.deliverUrl]) {
      const database = await openDatabase({ url, max_connections: 1 });
      await requireMigrated(database).finally(() => database.close());
    }
  });
});
