export { type Artifact, type ArtifactContent, artifactOf } from "./artifact.ts";
export { retryAfterSeconds } from "./call.ts";
export {
  CallRefused,
  DeadlineExceeded,
  LeaseLost,
  PermanentFailure,
  Throttled,
  WorkerStopped,
} from "./failures.ts";
export { type Job, stopSignal, type WorkOptions, work } from "./work.ts";
