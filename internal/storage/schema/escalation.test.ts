import { randomBytes } from "node:crypto";
import type postgres from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, testEngines } from "../connection/database.testing.ts";
import type { Database } from "../connection/database.ts";
import { connect } from "../connection/pool.ts";
import { openDatabase } from "../open-database.ts";
import { expectRollupsExact } from "../rollups/rollups.testing.ts";
import { freshPair, insertTrades, trade } from "../trades/trades.testing.ts";
import { findForeignObjects, refuseForeignObjects } from "./foreign-objects.ts";
import { migrateDown, migrateUp } from "./migrate.ts";

// Each matches a call of the trigger better than the built-in function, and records the role that it ran as.
const TRAPS: Readonly<Record<string, string>> = {
  "a function for a literal without a type": `
    CREATE FUNCTION public.date_bin(text, timestamptz, timestamptz) RETURNS timestamptz LANGUAGE plpgsql
    AS $$ BEGIN RAISE 'caught %', current_user; END $$`,
  "a function for one type in place of any": `
    CREATE FUNCTION public.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql
    AS $$ BEGIN RAISE 'caught %', current_user; END $$`,
  "an aggregate for one type in place of any": `
    CREATE FUNCTION public.catch(text[], text[]) RETURNS text[] LANGUAGE plpgsql
    AS $$ BEGIN RAISE 'caught %', current_user; END $$;
    CREATE AGGREGATE public.array_agg(text[]) (SFUNC = public.catch, STYPE = text[])`,
  "an operator for two types that the server converts between": `
    CREATE FUNCTION public.catch(bigint, integer) RETURNS bigint LANGUAGE plpgsql
    AS $$ BEGIN RAISE 'caught %', current_user; END $$;
    CREATE OPERATOR public.% (LEFTARG = bigint, RIGHTARG = integer, FUNCTION = public.catch)`,
};
const DROPS = `
  DROP FUNCTION IF EXISTS public.date_bin(text, timestamptz, timestamptz), public.unnest(text[]);
  DROP AGGREGATE IF EXISTS public.array_agg(text[]);
  DROP OPERATOR IF EXISTS public.% (bigint, integer);
  DROP FUNCTION IF EXISTS public.catch(text[], text[]), public.catch(bigint, integer)`;
const OPTIONS = { timescaledb: "off", retention: { trades: 0, trades_1m: 0, trades_1h: 0 }, log: () => {} } as const;

// The embedded engine has one role.
describe.each(testEngines.filter(({ server }) => server !== null))(
  "if any role may create objects, on $name",
  (engine) => {
    const id = randomBytes(6).toString("hex");
    const [owner, decoder] = [`stellarindex_owner_${id}`, `stellarindex_decoder_${id}`];
    let created: Awaited<ReturnType<typeof createTestDatabase>>;
    let superuser: Database;
    let owned: Database;
    let stranger: postgres.Sql;

    beforeAll(async () => {
      created = await createTestDatabase(engine);
      superuser = await created.open();
      const urlOf = (role: string): string =>
        Object.assign(new URL(created.url), { username: role, password: id }).href;
      for (const role of [owner, decoder]) {
        await superuser.sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD '${id}'`);
      }
      await superuser.sql.unsafe(`ALTER DATABASE ${new URL(created.url).pathname.slice(1)} OWNER TO ${owner}`);
      // This is so in databases that were upgraded from PostgreSQL 14 or earlier.
      await superuser.sql`GRANT CREATE ON SCHEMA public TO PUBLIC`;
      owned = await openDatabase({ url: urlOf(owner), max_connections: 2 });
      stranger = connect(urlOf(decoder), { max: 1 });
      await migrateUp(owned, { ...OPTIONS });
      await owned.sql.unsafe(`GRANT INSERT ON trades TO ${decoder}`);
    });
    afterAll(async () => {
      await stranger.end();
      await owned.close();
      await superuser.close();
      await created.drop();
      const server = await openDatabase({ url: engine.server ?? "", max_connections: 1 });
      for (const role of [owner, decoder]) await server.sql.unsafe(`DROP ROLE ${role}`);
      await server.close();
    });
    beforeEach(() => migrateUp(owned, { ...OPTIONS }));
    afterEach(async () => {
      await superuser.sql.unsafe(DROPS).simple();
      await superuser.sql`DROP TABLE IF EXISTS stellarindex_migrations_kept`;
    });

    // One trade forms no price, so that every branch of the trigger is executed.
    const write = (): Promise<unknown> => {
      const pair = freshPair();
      return insertTrades(stranger, [
        trade(pair, "2026-03-01T10:00:00Z"),
        trade(pair, "2026-03-01T10:00:01Z", { base: "0.0000001", quote: "0.0000001" }),
      ]);
    };

    it.each(Object.entries(TRAPS))("the trigger does not call %s", async (_, trap) => {
      await stranger.unsafe(trap).simple();
      await write();
      await superuser.sql.unsafe(DROPS).simple();
      await expectRollupsExact(superuser);
    });

    it.each(Object.entries(TRAPS))("before migration 7 the trigger called %s", async (_, trap) => {
      await migrateDown(owned, () => {}, 6);
      await stranger.unsafe(trap).simple();
      await expect(write()).rejects.toThrow(`caught ${owner}`);
    });

    it.each(Object.entries(TRAPS))("the owner's commands report %s and refuse to run", async (_, trap) => {
      await stranger.unsafe(trap).simple();
      const [intruder] = await findForeignObjects(owned);
      expect(intruder?.what).toContain(`of role ${decoder}`);
      const refusal = `in the schema of the tables there is ${intruder?.what}; ${intruder?.cure}`;
      await expect(migrateUp(owned, { ...OPTIONS })).rejects.toThrow(refusal);
      await expect(migrateDown(owned, () => {})).rejects.toThrow(refusal);
      await expect(refuseForeignObjects(owned)).rejects.toThrow(refusal);
      // A role without special rights may run commands.
      await refuseForeignObjects({ sql: stranger, engine: "postgres" });
      // A superuser executes the fix as reported.
      const [drop, revoke] = (intruder?.cure ?? "").split("then: ")[1]?.split("; and ") ?? [];
      await superuser.sql.unsafe(drop ?? "");
      await superuser.sql.unsafe(revoke ?? "");
      expect(await findForeignObjects(owned)).toEqual([]);
      await superuser.sql`GRANT CREATE ON SCHEMA public TO PUBLIC`;
    });

    it("objects that the tables depend on since their creation are checked under any name", async () => {
      await migrateDown(owned, () => {}, 0);
      await stranger.unsafe(`
      CREATE FUNCTION public.catch(numeric, integer) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
      CREATE OPERATOR public.> (LEFTARG = numeric, RIGHTARG = integer, FUNCTION = public.catch)`);
      await expect(migrateUp(owned, { ...OPTIONS })).rejects.toThrow("operator public.>(numeric,integer)");
      await superuser.sql`ALTER TABLE stellarindex_migrations RENAME TO stellarindex_migrations_kept`;
      await superuser.sql`CREATE TABLE trades (base_amount numeric CHECK (base_amount > 0))`;
      await superuser.sql`CREATE SCHEMA elsewhere`;
      await superuser.sql`ALTER OPERATOR public.> (numeric, integer) SET SCHEMA elsewhere`;
      expect((await findForeignObjects(superuser)).map(({ what }) => what)).toEqual([
        expect.stringContaining("operator elsewhere.>(numeric,integer)"),
      ]);
      await superuser.sql`DROP TABLE trades`;
      await superuser.sql`DROP SCHEMA elsewhere CASCADE`;
      await superuser.sql`DROP FUNCTION public.catch(numeric, integer)`;
      await superuser.sql`ALTER TABLE stellarindex_migrations_kept RENAME TO stellarindex_migrations`;
    });

    it("a foreign function with the name of a project function is reported, and other functions are not", async () => {
      await stranger.unsafe(`
      CREATE FUNCTION public.forms_price(text, text, text, numeric, integer) RETURNS boolean LANGUAGE sql AS 'SELECT true';
      CREATE FUNCTION public.of_their_own(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'`);
      expect((await findForeignObjects(owned)).map(({ what }) => what)).toEqual([
        expect.stringContaining("routine public.forms_price(text,text,text,numeric,integer)"),
      ]);
      await superuser.sql`DROP FUNCTION public.forms_price(text, text, text, numeric, integer)`;
      expect(await findForeignObjects(owned)).toEqual([]);
      await superuser.sql`DROP FUNCTION public.of_their_own(integer)`;
    });

    it("a foreign trigger on a project table is reported and does not run with the owner's rights", async () => {
      await superuser.sql.unsafe(`GRANT TRIGGER ON trades TO ${decoder}`);
      await stranger.unsafe(`
      CREATE FUNCTION public.catch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'caught %', current_user; END $$;
      CREATE TRIGGER "of theirs" AFTER INSERT ON trades EXECUTE FUNCTION public.catch()`);
      const pair = freshPair();
      await expect(insertTrades(owned.sql, [trade(pair, "2026-03-01T10:00:00Z")])).rejects.toThrow(`caught ${owner}`);
      await expect(refuseForeignObjects(owned)).rejects.toThrow(
        `trigger "of theirs" ON public.trades of role ${decoder}`,
      );
      const [intruder] = await findForeignObjects(owned);
      const [drop, revoke] = (intruder?.cure ?? "").split("then: ")[1]?.split("; and ") ?? [];
      await superuser.sql.unsafe(drop ?? "");
      await superuser.sql.unsafe(revoke ?? "");
      expect(await findForeignObjects(owned)).toEqual([]);
      await expect(
        stranger`CREATE TRIGGER again AFTER INSERT ON trades EXECUTE FUNCTION public.catch()`,
      ).rejects.toMatchObject({ code: "42501" });
      await superuser.sql`DROP FUNCTION public.catch()`;
    });

    it("a project table that another role has created first is not written to", async () => {
      await migrateDown(owned, () => {}, 0);
      await superuser.sql`ALTER TABLE stellarindex_migrations RENAME TO stellarindex_migrations_kept`;
      await stranger`CREATE TABLE public.stellarindex_migrations (version bigint PRIMARY KEY, name text, md5 text, run_at timestamptz)`;
      await expect(migrateUp(owned, { ...OPTIONS })).rejects.toThrow(
        `table public.stellarindex_migrations of role ${decoder}`,
      );
      await superuser.sql`DROP TABLE stellarindex_migrations`;
    });
  },
);
