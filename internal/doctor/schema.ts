import type { Database } from "../storage/connection/database.ts";
import { readSchemaCreators } from "../storage/diagnostics/grants.ts";
import { findForeignObjects } from "../storage/schema/foreign-objects.ts";
import { type Finding, ok, skipped, wrong } from "./finding.ts";

/**
 * Checks for objects of untrusted roles in schema public that our statements could use, and for roles that may create
 * them.
 */
export async function checkSchema(database: Pick<Database, "sql" | "engine">): Promise<Finding[]> {
  if (database.engine === "embedded") return [skipped("the embedded database has one role")];
  const findings = (await findForeignObjects(database)).map(({ what, cure }) => wrong(`there is ${what}`, cure));
  const creators = await readSchemaCreators(database.sql);
  if (creators.length > 0) {
    findings.push(
      wrong(
        `${creators.join(", ")} may create in schema public: a function created there can run with the owner's privileges`,
        `REVOKE CREATE ON SCHEMA public FROM ${creators.join(", ")};`,
      ),
    );
  }
  return findings.length > 0 ? findings : [ok("only the owner may create in schema public")];
}
