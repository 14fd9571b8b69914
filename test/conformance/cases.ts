import { deepEqual, equal, match } from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  type ControlAccess,
  cancel,
  jobWhen,
  type NewJob,
  readArtifacts,
  type ShownJob,
  submit,
} from "./control-client.ts";

/** What a client's worker has to do with jobs of one kind, as the ledger sees it. */
export interface Case {
  readonly name: string;
  /** Takes longer than a lease. */
  readonly isSlow: boolean;
  /** Submits jobs and checks what became of them; rejects with what is wrong. */
  readonly check: (access: ControlAccess, worker: WorkerOutput) => Promise<void>;
}

/** What the worker has printed. */
export interface WorkerOutput {
  /** Resolves once the worker has printed this line. */
  readonly line: (text: string) => Promise<unknown>;
}

const SECONDS = 60;
const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TEXT = 'naïve "quoted" 💫 \\ <&> \u2028';

const ended = async (access: ControlAccess, job: NewJob): Promise<ShownJob> => {
  const jobId = await submit(access, job);
  return jobWhen(access, jobId, hasEnded, SECONDS);
};
const hasEnded = ({ state }: ShownJob): boolean => !["ready", "leased"].includes(state);
const resultOf = ({ history }: ShownJob): unknown => JSON.parse(history.at(-1)?.message ?? "null");
const pathOf = ({ history }: ShownJob) => history.map(({ to, reason }) => [to, reason]);

export const CASES: readonly Case[] = [
  {
    name: "stores the result of a job, and hands on its payload and traceparent as they are",
    isSlow: false,
    async check(access) {
      const payload = { text: TEXT, list: [1, 2.5, null, true], "": {} };
      const job = await ended(access, { kind: "conformance.echo", payload, traceparent: TRACEPARENT });
      deepEqual(pathOf(job), [
        ["ready", null],
        ["leased", null],
        ["succeeded", null],
      ]);
      deepEqual(resultOf(job), { attempt: 1, traceparent: TRACEPARENT, payload });
    },
  },
  {
    name: "does a job whose payload is no object and that has no traceparent",
    isSlow: false,
    async check(access) {
      const job = await ended(access, { kind: "conformance.echo", payload: "text" });
      deepEqual(resultOf(job), { attempt: 1, traceparent: null, payload: "text" });
    },
  },
  {
    name: "fails a job for good, whatever attempts are left",
    isSlow: false,
    async check(access) {
      const job = await ended(access, { kind: "conformance.permanent", payload: { message: TEXT } });
      equal(job.state, "failed");
      deepEqual(pathOf(job).at(-1), ["failed", "permanent"]);
      equal(job.history.at(-1)?.message, TEXT);
    },
  },
  {
    name: "has a failed attempt repeated",
    isSlow: false,
    async check(access) {
      const job = await ended(access, { kind: "conformance.flaky", payload: { failures: 1 } });
      deepEqual(pathOf(job), [
        ["ready", null],
        ["leased", null],
        ["ready", "error"],
        ["leased", null],
        ["succeeded", null],
      ]);
      equal(job.history[2]?.message, "attempt 1 fails");
      deepEqual(resultOf(job), { attempt: 2 });
    },
  },
  {
    name: "sees a job dead once its attempts are used up",
    isSlow: false,
    async check(access) {
      const job = await ended(access, { kind: "conformance.flaky", payload: { failures: 9 }, max_attempts: 1 });
      deepEqual(pathOf(job).at(-1), ["dead", "error"]);
    },
  },
  {
    name: "reports a failure in words with any character, NUL too",
    isSlow: false,
    async check(access) {
      const job = await ended(access, { kind: "conformance.text", max_attempts: 1 });
      equal(job.state, "dead");
      equal(job.history.at(-1)?.message, "naïve 💫 [\uFFFD] end");
    },
  },
  {
    name: "does a hundred jobs, several at once, each of them once",
    isSlow: false,
    async check(access) {
      const payloads = Array.from({ length: 100 }, (_, n) => ({ n }));
      const ids: string[] = [];
      for (const payload of payloads) ids.push(await submit(access, { kind: "conformance.echo", payload }));
      const jobs: ShownJob[] = [];
      for (const id of ids) jobs.push(await jobWhen(access, id, hasEnded, SECONDS));
      deepEqual(
        jobs.map((job) => (resultOf(job) as { payload: unknown }).payload),
        payloads,
      );
      deepEqual(new Set(jobs.map(({ history }) => history.length)), new Set([3]));
    },
  },
  {
    name: "keeps the lease of a job that runs for longer than it, and tells how far it has come",
    isSlow: true,
    async check(access) {
      const jobId = await submit(access, { kind: "conformance.long", payload: { seconds: 12 } });
      await jobWhen(access, jobId, ({ progress }) => progress === 0.5, SECONDS);
      const job = await jobWhen(access, jobId, ({ state }) => state !== "leased", SECONDS);
      deepEqual(pathOf(job), [
        ["ready", null],
        ["leased", null],
        ["succeeded", null],
      ]);
    },
  },
  {
    name: "aborts a job that was cancelled, and what it then reports changes nothing",
    isSlow: true,
    async check(access, worker) {
      const jobId = await submit(access, { kind: "conformance.hang" });
      await jobWhen(access, jobId, ({ state }) => state === "leased", SECONDS);
      await cancel(access, jobId);
      await worker.line(`aborted ${jobId}`);
      const job = await jobWhen(access, jobId, () => true, SECONDS);
      deepEqual(
        pathOf(job).map(([to]) => to),
        ["ready", "leased", "cancelled"],
      );
    },
  },
  {
    name: "reports a throttle, after which the job is done",
    isSlow: false,
    async check(access) {
      const job = await ended(access, { kind: "conformance.throttled", host: "throttled.test" });
      deepEqual(pathOf(job).slice(0, 3), [
        ["ready", null],
        ["leased", null],
        ["ready", "throttled"],
      ]);
      match(job.history[2]?.message ?? "", /429/);
      equal(job.state, "succeeded");
    },
  },
  {
    name: "waits for tokens of a host",
    isSlow: false,
    async check(access) {
      const job = await ended(access, { kind: "conformance.tokens", payload: { tokens: 2 }, host: "tokens.test" });
      equal(job.state, "succeeded");
    },
  },
  {
    name: "reports what a job produced by its SHA-256",
    isSlow: false,
    async check(access) {
      const jobId = await submit(access, { kind: "conformance.artifact", payload: { content: TEXT } });
      equal((await jobWhen(access, jobId, hasEnded, SECONDS)).state, "succeeded");
      const sha256 = createHash("sha256").update(TEXT).digest("hex");
      const produced = (await readArtifacts(access, jobId)).map(({ name, uri, ...rest }) => [
        name,
        uri,
        rest.sha256,
        rest.bytes,
      ]);
      deepEqual(produced, [["result.csv", "memory:result.csv", sha256, Buffer.byteLength(TEXT)]]);
    },
  },
];
