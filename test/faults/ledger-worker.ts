// A worker of fault tests, made with the SDK: `ledger-worker.ts NAME FLAG`. Its name is the one that history shows.
import { existsSync } from "node:fs";
import { PermanentFailure, stopSignal, Throttled, work } from "@stellarindex/worker";

const { CONTROL_URL: url = "", CONTROL_KEY: key = "" } = process.env;
const [name = "", flag = ""] = process.argv.slice(2);

const LEASE_SECONDS = 5;
const BLOCKED_MS = 1.5 * LEASE_SECONDS * 1000;
const NEVER = new Int32Array(new SharedArrayBuffer(4));

const HANDLERS: Readonly<Record<string, () => void>> = {
  "faults.plain": () => {},
  "faults.poison": () => process.kill(process.pid, "SIGKILL"),
  "faults.throttled": () => {
    throw new Throttled("too many requests", { status: 429, retryAfterSeconds: 1 });
  },
  // Blocks the event loop for longer than the lease, and on until the file is there. A worker that finds it there at once does
  // the job without.
  "faults.block": () => {
    if (existsSync(flag)) return;
    console.log("blocked");
    const until = performance.now() + BLOCKED_MS;
    while (performance.now() < until || !existsSync(flag)) Atomics.wait(NEVER, 0, 0, 20);
  },
};

await work({
  url,
  key,
  name,
  kinds: Object.keys(HANDLERS),
  leaseSeconds: LEASE_SECONDS,
  pollSeconds: 0.2,
  signal: stopSignal(),
  log: console.log,
  handler: async ({ kind }) => {
    const handle = HANDLERS[kind];
    if (handle === undefined) throw new PermanentFailure(`there is no handler of ${kind}`);
    handle();
    return { worker: name };
  },
});
