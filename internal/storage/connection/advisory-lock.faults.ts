import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canStartPostgres, makePostgresServer, type PostgresServer } from "../../../test/faults/postgres-server.ts";
import { takeAdvisoryLock } from "./advisory-lock.ts";
import { connect } from "./pool.ts";

const LOCK = { number: 7_203_111_842, of: "tests" };

describe.skipIf(!canStartPostgres("locks of prepared transactions"))(
  "an advisory lock that a prepared transaction holds",
  () => {
    let server: PostgresServer;
    beforeAll(async () => {
      server = await makePostgresServer(null, { settings: ["max_prepared_transactions=1"] });
      await server.start();
    });
    afterAll(() => server?.remove());

    it("is reported with the transaction's name and the fix, before and after a server restart", async () => {
      const refusal = async (): Promise<string> => {
        const sql = connect(server.url, { max: 1, connection: { lock_timeout: 50 } });
        try {
          return await sql
            .begin((transaction) => takeAdvisoryLock(transaction, LOCK, () => {}))
            .then(
              () => "taken",
              ({ message }: Error) => message,
            );
        } finally {
          await sql.end();
        }
      };
      const holder = connect(server.url, { max: 1 });
      await holder.unsafe(`BEGIN; SELECT pg_advisory_xact_lock(${LOCK.number}); PREPARE TRANSACTION 'it''s theirs'`);
      const [{ role } = { role: "" }] = await holder<{ role: string }[]>`SELECT current_user::text AS role`;
      await holder.end();
      const told = new RegExp(
        `not released within 50ms: held since 20.* by the prepared transaction 'it''s theirs' of role ${role}; .*: ROLLBACK PREPARED 'it''s theirs'$`,
      );
      expect(await refusal()).toMatch(told);
      await server.stop("fast");
      await server.start();
      expect(await refusal()).toMatch(told);
      const administrator = connect(server.url, { max: 1 });
      // The fix is executed as reported.
      await administrator.unsafe((await refusal()).split("as a superuser: ")[1] ?? "");
      await administrator.end();
      expect(await refusal()).toBe("taken");
    });
  },
);
