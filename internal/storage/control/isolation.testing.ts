import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { audited } from "./audit.ts";
import { readAuditLog } from "./audit-log.ts";
import { addBlackout, listBlackouts, removeBlackout } from "./blackouts.ts";
import type { CallContext } from "./call-context.testing.ts";
import { listDeadLetters, redriveDeadLetters } from "./dead-letters.ts";
import { INCIDENT_CALLS, INCIDENTS_WITHOUT_TENANT } from "./isolation-incidents.testing.ts";
import { RUN_CALLS, RUNS_WITHOUT_TENANT } from "./isolation-runs.testing.ts";
import { cancelJobs, prioritizeJobs, retryJobs } from "./job-actions.ts";
import { readJobFacts } from "./job-facts.ts";
import { newJob } from "./jobs.testing.ts";
import { latestLiveJob } from "./latest-job.ts";
import { lockJobs } from "./lock-jobs.ts";
import { findName, listPauses, PAUSE_SCOPES, pause, resume } from "./pauses.ts";
import { countJobs, JOB_STATES, listJobs, readJob } from "./read-jobs.ts";
import { extendLeases, reportJobs } from "./report.ts";
import { reportWithArtifacts } from "./report-artifacts.ts";
import { rerunJobs } from "./rerun.ts";
import { listSources, removeSource, setSource } from "./sources.ts";
import { laneOf, submitJob } from "./submit.ts";
import { submitPlaced } from "./submit-placed.ts";
import { readUsage, setQuota } from "./tenants.ts";
import { ensureThrottle, listThrottles, removeThrottle, setThrottle, slowDown } from "./throttles.ts";
import { grantTokens } from "./tokens.ts";

type Call = (context: CallContext) => Promise<unknown>;

/** Functions that touch no rows by themselves, or those of all tenants: no tenant calls them. */
export const WITHOUT_TENANT = [
  "storableText",
  "storableJson",
  "isStorable",
  "requireTenant",
  "ensureTenants",
  "rescueJobs",
  "closeLanes",
  "removeEndedJobs",
  "openLanes",
  "liveKey",
  ...RUNS_WITHOUT_TENANT,
  ...INCIDENTS_WITHOUT_TENANT,
];

const actorOf = ({ tenant }: CallContext) => ({ tenant, name: `of ${tenant}`, reason: "fuzz", ticket: null });
const idsOf = ({ pick, leases }: CallContext) => [pick(leases).jobId, pick(leases).jobId];
const sourceOf = ({ pick }: CallContext) => pick(["kraken", "binance"]);
const hostOf = ({ pick }: CallContext) => pick(["api.example", "b.example"]);
const targetOf = ({ pick }: CallContext) =>
  pick(PAUSE_SCOPES.map((scope) => ({ scope, name: { tenant: "", source: "kraken", feed: "f", run: "7" }[scope] })));
const leaseOf = (context: CallContext) => ({ ...context.pick(context.leases) });

/** A call of every other function of the ledger's storage, with chosen arguments. */
export const CALLS: Readonly<Record<string, Call>> = {
  makeClaim: (c) =>
    c.claim(c.database.sql, { tenant: c.tenant, kinds: ["test"], worker: "w", maxJobs: 3, leaseSeconds: 60 }),
  submitJob: (c) =>
    inTransaction(c.database.sql, READ_COMMITTED, (sql) =>
      submitJob(
        sql,
        c.tenant,
        newJob({
          source: c.pick(["", sourceOf(c)]),
          host: c.pick(["", hostOf(c)]),
          feed: c.pick([null, "f"]),
          runId: c.pick([null, 7n]),
          idempotencyKey: c.pick([null, "key"]),
          needs: c.pick([[], [], idsOf(c).slice(0, 1)]),
          maxAttempts: 1,
        }),
      ),
    ),
  submitPlaced: (c) =>
    inTransaction(c.database.sql, READ_COMMITTED, async (sql) => {
      const job = newJob({ source: sourceOf(c), host: hostOf(c) });
      const { lane } = await laneOf(sql, c.tenant, job);
      const chain = c.pick([null, "chain"]);
      const heads = new Map(c.pick([[], idsOf(c).slice(0, 1)]).map((id) => ["chain", id] as const));
      return submitPlaced(sql, c.tenant, [{ lane, payload: {}, maxAttempts: 1, traceparent: null, chain }], heads);
    }),
  reportJobs: (c) =>
    reportJobs(c.database.sql, c.tenant, [
      {
        ...leaseOf(c),
        outcome: c.pick(["succeeded", "retry", "failed", "released"]),
        retrySeconds: 0,
        throttle: c.pick([null, { retryAfterSeconds: 1 }]),
        reason: "r",
        message: null,
      },
    ]),
  reportWithArtifacts: (c) =>
    reportWithArtifacts(c.database.sql, c.tenant, [
      {
        ...leaseOf(c),
        outcome: "succeeded",
        retrySeconds: 0,
        throttle: null,
        reason: null,
        message: null,
        artifacts: [{ name: "a", sha256: "0".repeat(64), bytes: 1, uri: "u", inputsKey: "i" }],
      },
    ]),
  extendLeases: (c) => extendLeases(c.database.sql, c.tenant, c.leases, 60),
  grantTokens: (c) => grantTokens(c.database.sql, c.tenant, { ...leaseOf(c), tokens: 2 }),
  cancelJobs: (c) => cancelJobs(c.database.sql, actorOf(c), idsOf(c)),
  retryJobs: (c) => retryJobs(c.database.sql, actorOf(c), idsOf(c)),
  rerunJobs: (c) =>
    inTransaction(c.database.sql, READ_COMMITTED, (sql) =>
      rerunJobs(sql, actorOf(c), idsOf(c), { states: ["dead", "failed"], spacingSeconds: 1 }),
    ),
  lockJobs: (c) =>
    inTransaction(c.database.sql, READ_COMMITTED, (sql) => lockJobs(sql, c.tenant, idsOf(c), JOB_STATES)),
  prioritizeJobs: (c) => prioritizeJobs(c.database.sql, actorOf(c), idsOf(c), c.pick([0, 5])),
  audited: (c) =>
    audited(c.database.sql, actorOf(c), { action: "fuzz", target: {} }, async () => ({ result: null, shown: {} })),
  readAuditLog: (c) => readAuditLog(c.database.sql, c.tenant, { before: null, limit: 100 }),
  listJobs: (c) => listJobs(c.database.sql, c.tenant, { states: JOB_STATES, kind: null, before: null, limit: 100 }),
  readJob: (c) => readJob(c.database.sql, c.tenant, leaseOf(c).jobId),
  readJobFacts: (c) => readJobFacts(c.database.sql, c.tenant, leaseOf(c).jobId),
  countJobs: (c) => countJobs(c.database.sql, c.tenant),
  pause: (c) => pause(c.database.sql, actorOf(c), targetOf(c)),
  resume: (c) => resume(c.database.sql, actorOf(c), targetOf(c)),
  findName: (c) =>
    findName(c.database.sql, c.tenant, { scope: c.pick(["source", "feed"]), name: c.pick(["kraken", "f"]) }, 9),
  listPauses: (c) => listPauses(c.database.sql, c.tenant),
  addBlackout: (c) => addBlackout(c.database.sql, actorOf(c), { source: sourceOf(c), from: 0n, until: 1n }),
  removeBlackout: (c) => removeBlackout(c.database.sql, actorOf(c), c.pick(c.blackouts)),
  listBlackouts: (c) => listBlackouts(c.database.sql, c.tenant, { before: null, limit: 100 }),
  setThrottle: (c) => setThrottle(c.database.sql, actorOf(c), hostOf(c), { maxRate: 1000, burst: 10 }),
  slowDown: (c) => slowDown(c.database.sql, c.tenant, hostOf(c), 1),
  latestLiveJob: (c) => latestLiveJob(c.database.sql, c.tenant, sourceOf(c)),
  ensureThrottle: (c) => ensureThrottle(c.database.sql, c.tenant, hostOf(c), { maxRate: 1000, burst: 10 }),
  removeThrottle: (c) => removeThrottle(c.database.sql, actorOf(c), hostOf(c)),
  listThrottles: (c) => listThrottles(c.database.sql, c.tenant, { after: "", limit: 100 }),
  setSource: (c) => setSource(c.database.sql, actorOf(c), sourceOf(c), 5),
  removeSource: (c) => removeSource(c.database.sql, actorOf(c), sourceOf(c)),
  listSources: (c) => listSources(c.database.sql, c.tenant, { after: "", limit: 100 }),
  setQuota: (c) => setQuota(c.database.sql, actorOf(c), { maxConcurrent: c.pick([null, 5]), maxPerDay: 100 }),
  readUsage: (c) => readUsage(c.database.sql, c.tenant),
  listDeadLetters: (c) => listDeadLetters(c.database.sql, c.tenant, { filter: ANY_LETTER, before: null, limit: 100 }),
  redriveDeadLetters: (c) =>
    redriveDeadLetters(c.database.sql, actorOf(c), {
      filter: { ...ANY_LETTER, kind: "test" },
      perMinute: 60,
      isDryRun: c.pick([true, false]),
    }),
  ...RUN_CALLS,
  ...INCIDENT_CALLS,
};

const ANY_LETTER = { kind: null, host: null, reason: null };
