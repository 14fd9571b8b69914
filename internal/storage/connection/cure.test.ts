import { expect, it } from "vitest";
import { cureOf } from "./cure.ts";

const refused = (code: string, message: string) => Object.assign(new Error(message), { code });

it.each([
  ["42501", "permission denied for table trades", /the URL of the owner/],
  ["25006", "cannot execute INSERT during recovery", /a standby/],
  ["25006", "cannot execute INSERT in a read-only transaction", /the URL of the owner/],
  ["53200", "out of shared memory", /max_locks_per_transaction/],
  ["53200", "out of memory", /^$/],
  ["23514", "trades from before … have been pruned", /^$/],
])("the fix for SQLSTATE %s %s", (code, message, cure) => {
  expect(cureOf(refused(code, message))).toMatch(cure);
});
