import { expect } from "vitest";
import { TESTER } from "./jobs.testing.ts";
import { BURST, FEED, HOST, LIMITED, RUN, step } from "./model.testing.ts";
import { type PauseTarget, pause, resume } from "./pauses.ts";
import { grantTokens } from "./tokens.ts";

const NAMES: Record<PauseTarget["scope"], string> = { tenant: "", source: LIMITED, feed: FEED, run: String(RUN) };

export const pauseOf = (scope: PauseTarget["scope"]) =>
  step(`pause(${scope})`, async ({ paused }, { database, tenant }) => {
    const target = { scope, name: NAMES[scope] };
    expect(await pause(database.sql, { tenant, ...TESTER }, target)).toBe(!paused.has(scope));
    paused.add(scope);
  });

export const resumeOf = (scope: PauseTarget["scope"]) =>
  step(`resume(${scope})`, async ({ paused }, { database, tenant }) => {
    const target = { scope, name: NAMES[scope] };
    expect(await resume(database.sql, { tenant, ...TESTER }, target)).toBe(paused.delete(scope));
  });

/** Asks for tokens under any lease there ever was. */
export const tokens = (choice: number, wanted: number) =>
  step(`tokens(${choice}, ${wanted})`, async (model, { database, tenant }) => {
    const leases = model.jobs.flatMap((job) => job.leases.map((lease) => ({ job, lease })));
    const chosen = leases[choice % Math.max(1, leases.length)];
    if (chosen === undefined) return;
    const { job, lease } = chosen;
    const given = await grantTokens(database.sql, tenant, { ...lease, tokens: wanted });
    if (job.state !== "leased" || job.leases.at(-1) !== lease) return expect(given).toBe(null) as undefined;
    if (job.host !== HOST) return expect(given).toEqual({ granted: wanted, waitSeconds: 0 }) as undefined;
    const granted = model.isWaiting ? 0 : Math.min(wanted, model.tokens);
    expect(given?.granted).toBe(granted);
    expect((given?.waitSeconds ?? 0) > 0).toBe(granted < wanted);
    model.tokens -= granted;
  });

/** The host has waited as long as it asked to, and has all its tokens again. */
export const endWait = step("endWait", async (model, { database, tenant }) => {
  model.isWaiting = false;
  model.tokens = BURST;
  await database.sql`
    UPDATE control.throttles SET not_before = '-infinity', tokens = burst WHERE tenant = ${tenant}`;
});
