import { expect } from "vitest";
import { hashKey, makeKey } from "../../internal/http/keys.ts";
import type { Sql } from "../../internal/storage/connection/pool.ts";
import { type Environment, type RunningProgram, startProgram } from "../program.ts";

/** The states at the end of a life. */
export const ENDED = ["succeeded", "failed", "dead", "cancelled"];

/** A control daemon as a process, and the address of its API. */
export interface ControlProcess {
  readonly program: RunningProgram;
  readonly url: string;
}

/** Control daemons and workers as processes on one database, and what was submitted to them. */
export interface ControlProcesses {
  /** The ids of all jobs that were acknowledged. */
  readonly submitted: readonly string[];
  /** What submissions were told that are to be repeated later. */
  readonly refusals: ReadonlySet<string>;
  /** Starts a command of the program on the database. */
  readonly start: (args: readonly string[], environment?: Environment) => RunningProgram;
  readonly startDaemon: () => Promise<ControlProcess>;
  /** A worker of built-in kinds with leases of five seconds. */
  readonly startWorker: (name: string, environment?: Environment) => Promise<RunningProgram>;
  /** Submits a job as often as it takes until it is acknowledged; the key makes sure that it is there once. */
  readonly submit: (url: string, key: string, job?: object) => Promise<void>;
  /** Submits one job after the other to each daemon until it is told to stop. */
  readonly submitSteadily: (daemons: readonly ControlProcess[], pause: () => Promise<unknown>) => Submitting;
  /** Ends all processes, frozen ones, too. */
  readonly kill: () => Promise<void>;
}

export interface Submitting {
  /** Jobs that were acknowledged so far. */
  readonly acknowledged: () => number;
  /** Rejects when a submission was answered with anything but success or "not now"; never resolves. */
  readonly failed: Promise<never>;
  readonly stop: () => Promise<void>;
}

/** @param databaseUrl called at the start of each process */
export function makeControlProcesses(databaseUrl: () => string): ControlProcesses {
  const key = makeKey();
  const running: RunningProgram[] = [];
  const submitted: string[] = [];
  const refusals = new Set<string>();

  async function submit(url: string, idempotencyKey: string, job: object = {}): Promise<void> {
    const body = JSON.stringify({ kind: "rollups.verify", idempotency_key: idempotencyKey, ...job });
    const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
    for (;;) {
      const response = await fetch(`${url}/control/v1/jobs`, { method: "POST", headers, body });
      if (response.ok) {
        submitted.push(((await response.json()) as { job_id: string }).job_id);
        return;
      }
      const text = await response.text();
      expect([response.status, response.headers.get("retry-after")], text).toEqual([503, expect.any(String)]);
      refusals.add((JSON.parse(text) as { detail: string }).detail);
    }
  }

  function start(args: readonly string[], environment: Environment = {}): RunningProgram {
    const program = startProgram(args, { STELLARINDEX_DATABASE_URL: databaseUrl(), ...environment });
    running.push(program);
    return program;
  }

  return {
    submitted,
    refusals,
    submit,
    start,
    async startDaemon() {
      const program = start(["control"], {
        STELLARINDEX_DATABASE_BREAKER_COOLDOWN_SECONDS: "1",
        STELLARINDEX_CONTROL_LISTEN: "127.0.0.1:0",
        STELLARINDEX_CONTROL_OPS_LISTEN: "127.0.0.1:0",
        STELLARINDEX_CONTROL_KEYS: `[{ name = "tester", hash = "${hashKey(key)}", scopes = ["control:admin"] }]`,
      });
      const line = await program.line((text) => text.includes("control started"));
      return { program, url: (JSON.parse(line) as { control: string }).control };
    },
    async startWorker(name, environment = {}) {
      const program = start(["worker", "--name", name, "--lease", "5s"], environment);
      await program.line((line) => line.includes("worker started"));
      return program;
    },
    submitSteadily(daemons, pause) {
      let isOver = false;
      let acknowledged = 0;
      const before = submitted.length;
      const submitting = daemons.map(async ({ url }, daemon) => {
        for (let n = 0; !isOver; n++) {
          await submit(url, `steady-${before}-${daemon}-${n}`);
          acknowledged++;
          await pause();
        }
      });
      const ended = Promise.all(submitting);
      const failed = ended.then(() => new Promise<never>(() => {}));
      failed.catch(() => {});
      return {
        acknowledged: () => acknowledged,
        failed,
        stop: async () => {
          isOver = true;
          await ended;
        },
      };
    },
    async kill() {
      for (const program of running.splice(0)) {
        program.process.kill("SIGCONT");
        await program.stop("SIGKILL");
      }
    },
  };
}

/** Returns the number of jobs of each state that any has. */
export async function statesOf({ sql }: { readonly sql: Sql }): Promise<Record<string, number>> {
  const rows = await sql<{ state: string; count: number }[]>`
    SELECT state, count(*)::integer AS count FROM control.jobs GROUP BY state`;
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}

/** Waits until jobs are in no other states than those at the end of a life. */
export async function untilAllEnded(database: { readonly sql: Sql }): Promise<void> {
  await expect
    .poll(async () => Object.keys(await statesOf(database)).filter((state) => !ENDED.includes(state)), {
      timeout: 120_000,
      interval: 200,
    })
    .toEqual([]);
}

/**
 * Waits until work has gone on since now: more jobs were acknowledged, and more have succeeded.
 * @param least how many of each
 */
export async function untilWorkGoesOn(
  database: () => { readonly sql: Sql },
  submitting: Submitting,
  least: number,
): Promise<void> {
  const now = async () => ({
    acknowledged: submitting.acknowledged(),
    succeeded: (await statesOf(database()))["succeeded"] ?? 0,
  });
  const before = await now();
  const goesOn = expect
    .poll(
      async () => {
        const { acknowledged, succeeded } = await now();
        return {
          acknowledged: Math.min(acknowledged - before.acknowledged, least),
          succeeded: Math.min(succeeded - before.succeeded, least),
        };
      },
      { timeout: 180_000, interval: 100 },
    )
    .toEqual({ acknowledged: least, succeeded: least });
  await Promise.race([goesOn, submitting.failed]);
}
