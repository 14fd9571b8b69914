import type fc from "fast-check";
import { expect } from "vitest";
import type { TestDatabase } from "../connection/database.testing.ts";
import type { LeasedJob, makeClaim } from "./claim.ts";
import type { PauseTarget } from "./pauses.ts";

/** A source of which two jobs may be leased at once. */
export const LIMITED = "limited";
export const LIMIT = 2;
/** A host with tokens for so many jobs, which gets no new ones in the time of a test. */
export const HOST = "api.example";
export const BURST = 12;
export const MAX_RATE = 1e-6;
export const FEED = "limited/XLM-EUR";
export const RUN = 7n;
export const MAX_ATTEMPTS = 4;
export const HOPELESS = ["failed", "dead", "cancelled"];
export const ENDED = ["succeeded", ...HOPELESS];

/** What the model knows of a job. */
export interface ModelJob {
  readonly id: bigint;
  readonly key: string | null;
  readonly source: string;
  readonly host: string;
  readonly feed: string | null;
  readonly runId: bigint | null;
  readonly needs: readonly bigint[];
  state: string;
  attempt: number;
  workersLost: number;
  maxAttempts: number;
  /** All leases, the last one is the newest. */
  readonly leases: LeasedJob[];
}

export interface Model {
  readonly jobs: ModelJob[];
  /** The scopes that are paused: the tenant, the limited source, the feed, the run. */
  readonly paused: Set<PauseTarget["scope"]>;
  /** Of the host. */
  tokens: number;
  rate: number;
  isWaiting: boolean;
}

export interface Real {
  readonly database: TestDatabase;
  readonly tenant: string;
  readonly claim: ReturnType<typeof makeClaim>;
}

export type Step = fc.AsyncCommand<Model, Real>;

export const isDone = (model: Model, id: bigint) => model.jobs.find((job) => job.id === id)?.state === "succeeded";
export const leasedOf = (model: Model, source: string) =>
  model.jobs.filter((job) => job.state === "leased" && job.source === source).length;

/** Whether nothing that a job belongs to is paused. */
export const isOpen = ({ paused }: Model, { source, feed, runId }: ModelJob): boolean =>
  !(
    paused.has("tenant") ||
    (source === LIMITED && paused.has("source")) ||
    (feed !== null && paused.has("feed")) ||
    (runId !== null && paused.has("run"))
  );

/** Dependants of a succeeded job whose other needs have succeeded, too, are ready. */
export function unblock(model: Model): void {
  for (const job of model.jobs)
    if (job.state === "blocked" && job.needs.every((id) => isDone(model, id))) job.state = "ready";
}

/** Blocked jobs that need a job, also through others. */
export function blockedBy(model: Model, id: bigint): Set<bigint> {
  const needing = model.jobs.filter(({ needs }) => needs.includes(id));
  const through = needing.flatMap((job) => [...blockedBy(model, job.id)]);
  return new Set([...needing.filter(({ state }) => state === "blocked").map((job) => job.id), ...through]);
}

export function step(name: string, run: (model: Model, real: Real) => Promise<void>): Step {
  return {
    check: () => true,
    async run(model, real) {
      await run(model, real);
      await expectSame(model, real);
    },
    toString: () => name,
  };
}

async function expectSame(model: Model, { database, tenant }: Real): Promise<void> {
  const rows = await database.sql<{ job_id: string; state: string; attempt: number; steps: string[] }[]>`
    SELECT job_id::text AS job_id, state, attempt, (
      SELECT array_agg(coalesce(from_state, '') || '>' || to_state ORDER BY entry_id) FROM control.job_history
      WHERE job_history.tenant = jobs.tenant AND job_history.job_id = jobs.job_id
    ) AS steps
    FROM control.jobs WHERE tenant = ${tenant} ORDER BY control.jobs.job_id`;
  expect(rows.map(({ job_id, state, attempt }) => ({ id: BigInt(job_id), state, attempt }))).toEqual(
    model.jobs.map(({ id, state, attempt }) => ({ id, state, attempt })),
  );
  for (const { steps, state, attempt } of rows) {
    // Each transition begins where the one before ended, and every attempt is on record.
    const ends = steps.map((entry) => entry.split(">") as [string, string]);
    expect(ends.map(([from]) => from)).toEqual(["", ...ends.slice(0, -1).map(([, to]) => to)]);
    expect(ends.at(-1)?.[1]).toBe(state);
    expect(ends.filter(([, to]) => to === "leased")).toHaveLength(attempt);
    expect(ends.filter(([, to]) => to === "succeeded").length).toBeLessThanOrEqual(1);
  }
  const [dead] = await database.sql<{ count: number }[]>`
    SELECT count(*)::int AS count FROM control.dead_letters WHERE tenant = ${tenant}`;
  expect(dead?.count).toBe(model.jobs.filter(({ state }) => state === "dead").length);
  const [throttle] = await database.sql<{ tokens: number; rate: number }[]>`
    SELECT control.tokens_at(throttles, clock_timestamp()) AS tokens, rate FROM control.throttles
    WHERE tenant = ${tenant}`;
  expect(throttle?.tokens).toBeCloseTo(model.tokens, 2);
  expect((throttle?.rate ?? 0) / MAX_RATE).toBeCloseTo(model.rate / MAX_RATE, 6);
}
