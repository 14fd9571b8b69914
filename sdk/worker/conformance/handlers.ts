import { setTimeout as sleep } from "node:timers/promises";
import { type Job, PermanentFailure, Throttled } from "@stellarindex/worker";

/** What a worker of the conformance suite does, by kind; docs/worker-protocol.md describes it. */
// biome-ignore lint/suspicious/noExplicitAny: each kind has a payload of its own.
export const HANDLERS: Readonly<Record<string, (job: Job, payload: any) => Promise<unknown>>> = {
  "conformance.echo": async ({ attempt, traceparent }, payload) => ({ attempt, traceparent, payload }),
  "conformance.permanent": async (_job, { message }) => {
    throw new PermanentFailure(message);
  },
  "conformance.flaky": async ({ attempt }, { failures }) => {
    if (attempt <= failures) throw new Error(`attempt ${attempt} fails`);
    return { attempt };
  },
  "conformance.text": async () => {
    throw new Error("naïve 💫 [\0] end");
  },
  "conformance.long": async (job, { seconds }) => {
    job.progress(0.5);
    await sleep(seconds * 1000, undefined, { signal: job.signal });
    return {};
  },
  "conformance.hang": async (job) => {
    await sleep(2 ** 31 - 1, undefined, { signal: job.signal }).catch(() => console.log(`aborted ${job.id}`));
    throw new Error("aborted");
  },
  "conformance.throttled": async ({ attempt }) => {
    if (attempt === 1) throw new Throttled("429 Too Many Requests", { status: 429, retryAfterSeconds: 1 });
    return {};
  },
  "conformance.tokens": async (job, { tokens }) => {
    await job.tokens(tokens);
    return {};
  },
  "conformance.artifact": async (job, { content }) => {
    await job.artifact({ name: "result.csv", uri: "memory:result.csv", content });
    return {};
  },
};
