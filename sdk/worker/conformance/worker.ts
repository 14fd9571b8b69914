// The worker that the conformance suite runs.
import { stopSignal, work } from "@stellarindex/worker";
import { HANDLERS } from "./handlers.ts";

const { CONTROL_URL: url = "", CONTROL_KEY: key = "" } = process.env;
await work({
  url,
  key,
  kinds: Object.keys(HANDLERS),
  concurrency: 8,
  leaseSeconds: 5,
  pollSeconds: 0.2,
  drainSeconds: 3,
  signal: stopSignal(),
  handler: async (job) => HANDLERS[job.kind]?.(job, job.payload),
});
