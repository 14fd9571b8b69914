import { expect, it } from "vitest";
import { createLogger } from "../obs/logger.ts";
import { jobStarted } from "./events.ts";
import { logControlEvents } from "./log.ts";

const JOB = {
  ...{ jobId: 7n, kind: "k", payload: {}, attempt: 1, maxAttempts: 5, leaseToken: 1n, leasedUntil: 0n },
  ...{ source: "", host: "", feed: null, runId: null },
};

it("log lines of a job have the id of its trace, where it has one", () => {
  const lines: object[] = [];
  const log = createLogger("debug", "worker");
  log.debug = (line: object) => void lines.push(line);
  const feed = logControlEvents(log, () => 0);
  jobStarted.publish({ job: { ...JOB, traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` } });
  jobStarted.publish({ job: { ...JOB, traceparent: null } });
  feed.stop();
  expect(lines).toEqual([
    { job: "7", kind: "k", attempt: 1, trace_id: "a".repeat(32) },
    { job: "7", kind: "k", attempt: 1 },
  ]);
});
