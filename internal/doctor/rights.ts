import type { Sql } from "../storage/connection/pool.ts";
import { readTablePrivileges } from "../storage/diagnostics/table-privileges.ts";
import { type Finding, ok, skipped, wrong } from "./finding.ts";

/** Checks the privileges of this connection's role on the tables. */
export async function checkRights(sql: Sql): Promise<Finding> {
  const rows = await readTablePrivileges(sql);
  const [first] = rows;
  if (first === undefined) return skipped("there are no tables yet; see migrations");
  const role = `role ${JSON.stringify(first.role)}`;
  const writes = rows.some(({ table, writes }) => table === "trades" && writes);
  const unread = rows.filter(({ reads }) => !reads).map(({ table }) => table);
  if (writes && unread.length === rows.length) {
    return wrong(
      `${role} is a decoder's: it may insert trades and read nothing`,
      "set [database] url to another role: stellarindex_reader for the daemons, the owner of the tables for commands that write",
    );
  }
  if (unread.length > 0) {
    return wrong(
      `${role} may not read ${unread.join(", ")}`,
      `GRANT USAGE ON SCHEMA public TO "${first.role}"; GRANT SELECT ON ${unread.join(", ")} TO "${first.role}";`,
    );
  }
  return ok(
    `${role} may read all tables and ${writes ? "insert trades" : "not insert trades (only import and decoders need that)"}`,
  );
}
