import { utimesSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { BEAT_MS } from "./lock.ts";

// A thread of its own: a query holds the event loop of the process for as long as it takes, which is no sign of death.
const path = workerData as string;
setInterval(() => {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // The file is gone, or the disk is; whoever watches it sees that.
  }
}, BEAT_MS);
