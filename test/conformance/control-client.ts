import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** A control API that a conformance run submits jobs to, and reads their histories from. */
export interface ControlAccess {
  readonly url: string;
  /** A key with the scope control:operate. */
  readonly key: string;
}

/** A job as the control API shows it, as far as the suite looks at it. */
export interface ShownJob {
  readonly state: string;
  readonly attempt: number;
  readonly progress: number | null;
  readonly history: readonly {
    readonly from: string | null;
    readonly to: string;
    readonly attempt: number;
    readonly reason: string | null;
    readonly message: string | null;
  }[];
}

export interface ShownArtifact {
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly uri: string;
}

export interface NewJob {
  readonly kind: string;
  readonly payload?: unknown;
  readonly host?: string;
  readonly max_attempts?: number;
  readonly traceparent?: string;
}

const POLL_MS = 100;
/** A busy daemon says 503, and is asked again. */
const UNAVAILABLE = 503;
const MOST_REQUESTS = 5;

export async function submit(access: ControlAccess, job: NewJob): Promise<string> {
  const once = { ...job, idempotency_key: randomUUID() };
  const { job_id } = (await request(access, "POST", "jobs", once)) as { job_id: string };
  return job_id;
}

export async function cancel(access: ControlAccess, jobId: string): Promise<void> {
  await request(access, "POST", "jobs/cancel", { jobs: [jobId], reason: "conformance suite" });
}

export async function readJob(access: ControlAccess, jobId: string): Promise<ShownJob> {
  return (await request(access, "GET", `jobs/${jobId}`)) as ShownJob;
}

/** Returns what a job produced. */
export async function readArtifacts(access: ControlAccess, jobId: string): Promise<readonly ShownArtifact[]> {
  const { data } = (await request(access, "GET", `artifacts?job=${jobId}`)) as { data: ShownArtifact[] };
  return data;
}

/** Returns the job as soon as it is as it should be; fails with what it is after so many seconds. */
export async function jobWhen(
  access: ControlAccess,
  jobId: string,
  isSo: (job: ShownJob) => boolean,
  seconds: number,
): Promise<ShownJob> {
  const giveUpAt = performance.now() + seconds * 1000;
  for (;;) {
    const job = await readJob(access, jobId);
    if (isSo(job)) return job;
    if (performance.now() > giveUpAt) throw new Error(`job ${jobId} is still ${JSON.stringify(job)}`);
    await sleep(POLL_MS);
  }
}

async function request({ url, key }: ControlAccess, method: string, path: string, body?: unknown): Promise<unknown> {
  for (let count = 1; ; count++) {
    const response = await fetch(`${url}/control/v1/${path}`, {
      method,
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.ok) return response.json();
    const text = await response.text();
    if (response.status !== UNAVAILABLE || count === MOST_REQUESTS) {
      throw new Error(`${method} ${path}: ${response.status} ${text}`);
    }
    await sleep(Number(response.headers.get("Retry-After")) * 1000);
  }
}
