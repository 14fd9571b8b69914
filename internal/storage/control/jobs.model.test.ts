import fc from "fast-check";
import { afterAll, beforeAll, describe, it } from "vitest";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { makeClaim } from "./claim.ts";
import { cancel, claim, close, heartbeat, report, rescue, retry, submit } from "./job-steps.testing.ts";
import { TESTER } from "./jobs.testing.ts";
import { endWait, pauseOf, resumeOf, tokens } from "./limit-steps.testing.ts";
import { BURST, HOST, LIMIT, LIMITED, MAX_RATE } from "./model.testing.ts";
import { PAUSE_SCOPES, type PauseTarget } from "./pauses.ts";
import type { Report } from "./report.ts";
import { setThrottle } from "./throttles.ts";

describe.each(enginesOf(testEngines))("jobs on $name", (engine) => {
  let database: TestDatabase;
  let tenants = 0;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());

  it("change state as the model says, whatever is called in whatever order", async () => {
    const commands = [
      fc
        .tuple(
          fc.array(fc.nat(), { maxLength: 3 }),
          fc.constantFrom(null, null, "a", "b"),
          fc.constantFrom("" as const, "source" as const, "host" as const),
          fc.constantFrom("" as const, "feed" as const, "run" as const, "both" as const),
          fc.nat(9),
        )
        .map((given) => submit(...given)),
      fc.integer({ min: 1, max: 4 }).map(claim),
      fc
        .tuple(
          fc.nat(),
          fc.constantFrom<Report["outcome"]>("succeeded", "retry", "failed", "released"),
          fc.constantFrom(false, false, true),
        )
        .map((given) => report(...given)),
      fc.nat().map(rescue),
      fc.nat().map(cancel),
      fc.nat().map(retry),
      fc.constant(heartbeat),
      fc.constant(close),
      fc.constantFrom(...PAUSE_SCOPES).map(pauseOf),
      fc.constantFrom(...PAUSE_SCOPES).map(resumeOf),
      fc.tuple(fc.nat(), fc.integer({ min: 1, max: 4 })).map((given) => tokens(...given)),
      fc.constant(endWait),
    ];
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 60, size: "max" }), async (sequence) => {
        const tenant = `t${tenants++}`;
        await database.sql`INSERT INTO control.tenants (tenant) VALUES (${tenant})`;
        await database.sql`
          INSERT INTO control.sources (tenant, source, max_concurrent) VALUES (${tenant}, ${LIMITED}, ${LIMIT})`;
        await setThrottle(database.sql, { tenant, ...TESTER }, HOST, { maxRate: MAX_RATE, burst: BURST });
        const setup = () => ({
          model: { jobs: [], paused: new Set<PauseTarget["scope"]>(), tokens: BURST, rate: MAX_RATE, isWaiting: false },
          real: { database, tenant, claim: makeClaim(() => 0) },
        });
        try {
          await fc.asyncModelRun(setup, sequence);
        } finally {
          // Leases that are left would be rescued in the next run.
          await database.sql`DELETE FROM control.tenants WHERE tenant = ${tenant}`;
        }
      }),
      { numRuns: runsOf(40) },
    );
  });
});
