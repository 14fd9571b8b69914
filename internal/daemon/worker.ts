import { InputError } from "../canonical/input-error.ts";
import { logCollectorEvents } from "../collect/log.ts";
import { type Config, policySettings } from "../config/schema.ts";
import { PermanentFailure, type Work } from "../control/kind.ts";
import { builtInKind } from "../control/kinds/kinds.ts";
import { ledgerOf } from "../control/ledger.ts";
import { logControlEvents } from "../control/log.ts";
import { keepRescuing } from "../control/rescuer.ts";
import { runWorker } from "../control/worker.ts";
import { storedOrientations } from "../ingest/stored-orientations.ts";
import { stopwatch, systemClock } from "../lib/clock.ts";
import type { Logger } from "../obs/logger.ts";
import { makePolicy } from "../policy/policy.ts";
import type { Database } from "../storage/connection/database.ts";
import type { LeasedJob } from "../storage/control/claim.ts";
import { ledgerCareOf } from "./ledger-care.ts";

const POLL_SECONDS = 1;
/** The most jobs at once that run until they are cancelled; they wait for venues most of the time. */
const MOST_ENDLESS = 100;

export interface WorkerSettings {
  readonly tenant: string;
  readonly name: string;
  readonly kinds: readonly string[];
  readonly concurrency: number;
  readonly leaseSeconds: number;
}

/** @throws PermanentFailure where the payload is invalid: it will not get better */
function workOf({ kind, payload }: LeasedJob): Work {
  try {
    return builtInKind(kind).prepare(payload);
  } catch (error) {
    throw error instanceof InputError ? new PermanentFailure(error.message) : error;
  }
}

/** Does jobs of built-in kinds, and rescues those of lost workers, until the signal aborts. */
export async function runWorkerDaemon(
  config: Config,
  database: Database,
  log: Logger,
  { tenant, ...settings }: WorkerSettings,
  signal: AbortSignal,
): Promise<void> {
  const { inverted: invertedOf } = storedOrientations(database, makePolicy(policySettings(config)), systemClock.now);
  const context = { config, database, tenant, now: systemClock.now, invertedOf };
  const feeds = [logControlEvents(log), logCollectorEvents(log, stopwatch), keepRescuing(ledgerCareOf(database))];
  const options = {
    ...settings,
    ledger: ledgerOf(database, tenant),
    pollSeconds: POLL_SECONDS,
    handle: (job: LeasedJob, jobSignal: AbortSignal) => workOf(job)({ ...context, job }, jobSignal),
    random: Math.random,
    stopwatch,
  };
  try {
    const { name, ...limits } = settings;
    log.info({ worker: name, tenant, ...limits }, "worker started");
    const endless = settings.kinds.filter((kind) => builtInKind(kind).isEndless);
    const others = settings.kinds.filter((kind) => !endless.includes(kind));
    const loops = [
      { kinds: others, concurrency: settings.concurrency },
      { kinds: endless, concurrency: MOST_ENDLESS },
    ].filter(({ kinds }) => kinds.length > 0);
    await Promise.all(loops.map((loop) => runWorker({ ...options, ...loop }, signal)));
    log.info("worker stopped");
  } finally {
    for (const feed of feeds) feed.stop();
  }
}
