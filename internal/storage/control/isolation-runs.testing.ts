import { parseTime, seconds } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { listArtifacts, listParts, recordArtifacts } from "./artifacts.ts";
import type { CallContext } from "./call-context.testing.ts";
import { cover, listCoverage, listGaps, moveWatermark, uncover } from "./coverage.ts";
import { readFeedCoverage } from "./feed-coverage.ts";
import { declareFeed, listFeeds, readFeed, removeFeed } from "./feeds.ts";
import { fireSchedule } from "./fire.ts";
import { cancelWithin } from "./job-actions.ts";
import { newJob } from "./jobs.testing.ts";
import { hostRate, measureKind } from "./measure.ts";
import { listRuns, listWindows, readRun } from "./read-runs.ts";
import { cancelRun, makeRun, retryRun } from "./run-actions.ts";
import { createRun } from "./runs.ts";
import {
  listSchedules,
  listUnconfigured,
  pauseSchedule,
  readSchedule,
  removeSchedule,
  resumeSchedule,
  saveSchedule,
} from "./schedules.ts";
import { laneOf } from "./submit.ts";
import { submitJobs } from "./submit-batch.ts";

type Call = (context: CallContext) => Promise<unknown>;

/** Functions about runs that touch no rows by themselves, or those of all tenants. */
export const RUNS_WITHOUT_TENANT = [
  "databaseTime",
  "dueSchedules",
  // A part of statements, which has the tenant.
  "gapsOfFeeds",
  "idText",
  "scheduleColumns",
  "scheduleOf",
  "tickKey",
];

const START = parseTime("2026-01-01T00:00:00Z");
const HOUR = { from: START, to: START + seconds(3600) };
const FEED = "kraken:XLM-USD";
const ALL = { after: null, limit: 100 };
const SCHEDULE = {
  ...{ name: "nightly", kind: "test", payload: {}, cron: null, everySeconds: 60, timeZone: "UTC" },
  ...{ missed: "skip" as const, overlap: "skip" as const, jitterSeconds: 0, isConfigured: true },
};
const RUN = {
  ...{ kind: "test", feed: FEED, source: "", host: "", payload: {}, ...HOUR, chunkSeconds: 3600 },
  ...{ windows: [HOUR], mergeKind: "test" },
};
const ARTIFACT = { name: "a", sha256: "0".repeat(64), bytes: 1, uri: "u", inputsKey: "key" };

const actorOf = ({ tenant }: CallContext) => ({ tenant, name: `of ${tenant}`, reason: "fuzz", ticket: null });
const runOf = ({ pick, blackouts }: CallContext) => pick(blackouts);
const idsOf = ({ pick, leases }: CallContext) => [pick(leases).jobId, pick(leases).jobId];
const within = <T>({ database }: CallContext, work: (sql: Sql) => Promise<T>) =>
  inTransaction(database.sql, READ_COMMITTED, work);

/** Calls of the functions about feeds, runs, artifacts and schedules. */
export const RUN_CALLS: Readonly<Record<string, Call>> = {
  declareFeed: (c) =>
    declareFeed(c.database.sql, c.tenant, {
      ...{ feed: FEED, source: "", host: "", kind: "test", payload: {}, startAt: START, chunkSeconds: 60 },
    }),
  removeFeed: (c) => removeFeed(c.database.sql, c.tenant, FEED),
  listFeeds: (c) => listFeeds(c.database.sql, c.tenant, null, 100),
  readFeed: (c) => readFeed(c.database.sql, c.tenant, FEED),
  cover: (c) => cover(c.database.sql, c.tenant, FEED, [HOUR]),
  readFeedCoverage: (c) => readFeedCoverage(c.database.sql, c.tenant),
  uncover: (c) => uncover(c.database.sql, c.tenant, FEED, HOUR),
  moveWatermark: (c) => moveWatermark(c.database.sql, c.tenant, FEED, HOUR.to + 1n),
  listCoverage: (c) => listCoverage(c.database.sql, c.tenant, FEED, ALL),
  listGaps: (c) => listGaps(c.database.sql, c.tenant, FEED, ALL),
  createRun: (c) => within(c, (sql) => createRun(sql, c.tenant, { ...RUN, actor: "a", reason: "r" })),
  makeRun: (c) => makeRun(c.database.sql, actorOf(c), RUN),
  cancelRun: (c) => cancelRun(c.database.sql, actorOf(c), runOf(c)),
  retryRun: (c) => retryRun(c.database.sql, actorOf(c), runOf(c)),
  readRun: (c) => readRun(c.database.sql, c.tenant, runOf(c)),
  listRuns: (c) => listRuns(c.database.sql, c.tenant, { feed: c.pick([null, FEED]), before: null, limit: 100 }),
  listWindows: (c) => listWindows(c.database.sql, c.tenant, runOf(c), ALL),
  listParts: (c) => listParts(c.database.sql, c.tenant, runOf(c), "a"),
  recordArtifacts: (c) =>
    within(c, (sql) =>
      recordArtifacts(sql, c.tenant, idsOf(c)[0] as bigint, [
        { ...ARTIFACT, sha256: c.pick(["1", "2"]).repeat(64), inputsKey: c.pick(["key", null]) },
      ]),
    ),
  listArtifacts: (c) =>
    listArtifacts(c.database.sql, c.tenant, {
      ...{ jobId: c.pick([null, ...idsOf(c)]), isMismatch: c.pick([true, false]), before: null, limit: 100 },
    }),
  measureKind: (c) => measureKind(c.database.sql, c.tenant, "test"),
  hostRate: (c) => hostRate(c.database.sql, c.tenant, "api.example"),
  cancelWithin: (c) => within(c, (sql) => cancelWithin(sql, actorOf(c), idsOf(c))),
  submitJobs: (c) =>
    within(c, (sql) =>
      submitJobs(sql, c.tenant, newJob({ feed: FEED }), [{ payload: {}, idempotencyKey: c.pick(["key", "other"]) }]),
    ),
  laneOf: (c) => within(c, (sql) => laneOf(sql, c.tenant, newJob({ feed: "f" })).then(() => null)),
  saveSchedule: (c) => saveSchedule(c.database.sql, c.tenant, SCHEDULE, START),
  removeSchedule: (c) => removeSchedule(c.database.sql, c.tenant, SCHEDULE.name),
  listUnconfigured: (c) => listUnconfigured(c.database.sql, c.tenant, []),
  pauseSchedule: (c) => pauseSchedule(c.database.sql, c.tenant, SCHEDULE.name, "fuzz"),
  resumeSchedule: (c) => resumeSchedule(c.database.sql, c.tenant, SCHEDULE.name, START),
  listSchedules: (c) => listSchedules(c.database.sql, c.tenant, null, 100),
  readSchedule: (c) => readSchedule(c.database.sql, c.tenant, SCHEDULE.name),
  fireSchedule: (c) =>
    fireSchedule(c.database.sql, { tenant: c.tenant, name: SCHEDULE.name }, (_schedule, now) => ({
      ticks: [{ at: START, runAt: START }],
      nextAt: now + seconds(60),
    })),
};
