import { deepEqual, equal } from "node:assert/strict";
import { type ControlAccess, jobWhen, submit } from "./control-client.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** What a client's worker has to bear as a process. These run one after another, after all other cases. */
export interface ProcessCase {
  readonly name: string;
  readonly check: (access: ControlAccess, worker: WorkerProcess) => Promise<void>;
}

const SECONDS = 60;

export const PROCESS_CASES: readonly ProcessCase[] = [
  {
    name: "frozen for longer than its lease, loses its job, reports what nobody counts, and goes on",
    async check(access, worker) {
      const jobId = await submit(access, { kind: "conformance.long", payload: { seconds: 2 } });
      await jobWhen(access, jobId, ({ state }) => state === "leased", SECONDS);
      worker.kill("SIGSTOP");
      await jobWhen(access, jobId, ({ state }) => state === "ready", SECONDS);
      worker.kill("SIGCONT");
      const { history } = await jobWhen(access, jobId, ({ state }) => state === "succeeded", SECONDS);
      deepEqual(
        history.map(({ to, attempt, reason }) => [to, attempt, reason]),
        [
          ["ready", 0, null],
          ["leased", 1, null],
          ["ready", 1, "worker_lost"],
          ["leased", 2, null],
          ["succeeded", 2, null],
        ],
      );
    },
  },
  {
    name: "told to stop, lets a short job end, hands back a long one at no cost, and exits",
    async check(access, worker) {
      const long = await submit(access, { kind: "conformance.hang", max_attempts: 1 });
      const short = await submit(access, { kind: "conformance.long", payload: { seconds: 0.3 } });
      for (const jobId of [long, short]) await jobWhen(access, jobId, ({ state }) => state === "leased", SECONDS);
      worker.kill("SIGTERM");
      equal(await worker.ended, 0);
      const [first, second] = await Promise.all([long, short].map((id) => jobWhen(access, id, () => true, SECONDS)));
      equal(second?.state, "succeeded");
      equal(first?.state, "ready");
      equal(first?.history.at(-1)?.reason, "worker_stopped");
    },
  },
];
