import { expect, it } from "vitest";
import type { Sql } from "../../storage/connection/pool.ts";
import { quarantined } from "./events.ts";
import { makeIdempotencyKeys } from "./idempotency-keys.ts";
import { makeQuarantineKeeper } from "./quarantine-keeper.ts";

const HANGING = { append: () => new Promise<void>(() => {}) };

it("answers do not wait for a disk that hangs", async () => {
  const errors: (string | undefined)[] = [];
  const unsubscribe = quarantined.subscribe(({ error }) => errors.push(error?.message));
  const keep = makeQuarantineKeeper(() => Promise.reject(new Error("the database is away")), HANGING, 0.01);
  const content = Buffer.from("{bad");
  await keep({ kind: "malformed", sender: "acme", reason: "bad", content, contentType: null, isCut: false });
  unsubscribe();
  expect(errors).toEqual(["the journal's disk did not answer in time"]);
  // The database is not asked while it is away.
  const keys = makeIdempotencyKeys(null as unknown as Sql, HANGING, () => false);
  const answer = { sender: "acme", key: "k", fingerprint: Buffer.alloc(32), status: 200, answer: "{}" };
  await keys.keep(answer);
  expect(await keys.find("acme", "k")).toBe(answer);
});
