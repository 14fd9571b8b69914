import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { feedRequestMetrics } from "../http/metrics.ts";
import type { MetricsFeed } from "../obs/registry.ts";
import type { Transition } from "../storage/control/history-tail.ts";
import { INCIDENT_CODES } from "../storage/control/incidents.ts";
import { COUNTED_STATES, type LedgerCounts } from "../storage/control/ledger-counts.ts";
import { boundedLabel } from "./bounded-labels.ts";
import { LEDGER_READS, ledgerCounted, ledgerReadFailed, transitionsRead } from "./events.ts";
import { BUILT_IN_KINDS } from "./kinds/kinds.ts";

const MOST_KINDS = 50;
const MOST_REASONS = 50;
/** Of an attempt whose worker gave no reason. */
const UNKNOWN = "unknown";
/** Of the program's own workers and of the ledger itself. */
const REASONS = ["error", "permanent", "worker_lost", UNKNOWN];
const ENDS = ["succeeded", "failed", "dead", "cancelled"];
const LOSSES = ["worker_lost", "cancelled"];
const OUTCOMES = ["retry", "failed", "dead"];

/**
 * Feeds the control daemon's metrics (docs/reference/metrics) from what it reads of the ledger. Each daemon reads all of the
 * ledger: of several, look at one or at the maximum, never at the sum.
 */
export function feedControlMetrics(registry: Registry): MetricsFeed {
  const registers = [registry];
  const kinds = BUILT_IN_KINDS.map(({ name }) => name);
  const kindOf = boundedLabel(kinds, MOST_KINDS);
  const reasonOf = boundedLabel(REASONS, MOST_REASONS);
  const requests = feedRequestMetrics(registry, "control");
  const jobs = new Gauge({
    name: "stellarindex_control_jobs",
    help: "Jobs that wait or run, and dead letters",
    labelNames: ["state", "kind"],
    registers,
  });
  const waiting = new Gauge({
    name: "stellarindex_control_oldest_due_seconds",
    help: "How long the first job in line has been due",
    labelNames: ["kind"],
    registers,
  });
  const waits = new Histogram({
    name: "stellarindex_control_wait_seconds",
    help: "Time from when a job could start until it was leased",
    labelNames: ["kind"],
    buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600],
    registers,
  });
  const runs = new Histogram({
    name: "stellarindex_control_run_seconds",
    help: "Duration of attempts, from lease to end",
    labelNames: ["kind"],
    buckets: [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600],
    registers,
  });
  const ended = new Counter({
    name: "stellarindex_control_jobs_ended_total",
    help: "Jobs that ended, by state",
    labelNames: ["state"],
    registers,
  });
  const failures = new Counter({
    name: "stellarindex_control_attempt_failures_total",
    help: "Attempts that failed, by what became of the job and by reason",
    labelNames: ["outcome", "reason"],
    registers,
  });
  const losses = new Counter({
    name: "stellarindex_control_lease_losses_total",
    help: "Leases that ended without a report",
    labelNames: ["cause"],
    registers,
  });
  const rescued = new Counter({
    name: "stellarindex_control_jobs_rescued_total",
    help: "Jobs of lost workers, by the state that they were given",
    labelNames: ["state"],
    registers,
  });
  const slowed = new Gauge({
    name: "stellarindex_control_slowed_hosts",
    help: "Hosts that get fewer requests than their settings allow, as they asked for",
    registers,
  });
  const hits = new Counter({
    name: "stellarindex_control_throttle_hits_total",
    help: "How often a host asked for fewer requests",
    registers,
  });
  const incidents = new Gauge({
    name: "stellarindex_control_incidents",
    help: "Open incidents",
    labelNames: ["code"],
    registers,
  });
  const readFailures = new Counter({
    name: "stellarindex_control_ledger_read_failures_total",
    help: "Reads of the ledger for events, metrics or incidents that failed",
    labelNames: ["read"],
    registers,
  });

  function zeroJobs(): void {
    jobs.reset();
    waiting.reset();
    for (const kind of kinds) {
      for (const state of COUNTED_STATES) jobs.set({ state, kind }, 0);
      waiting.set({ kind }, 0);
    }
    for (const code of INCIDENT_CODES) incidents.set({ code }, 0);
  }

  zeroJobs();
  for (const kind of kinds) {
    waits.zero({ kind });
    runs.zero({ kind });
  }
  for (const state of ENDS) ended.inc({ state }, 0);
  for (const outcome of OUTCOMES) for (const reason of REASONS) failures.inc({ outcome, reason }, 0);
  for (const cause of LOSSES) losses.inc({ cause }, 0);
  for (const state of ["ready", "dead"]) rescued.inc({ state }, 0);
  for (const read of LEDGER_READS) readFailures.inc({ read }, 0);

  let lastHits: number | null = null;
  function showCounts(counts: LedgerCounts): void {
    zeroJobs();
    for (const { kind, state, count } of counts.jobs) jobs.inc({ state, kind: kindOf(kind) }, count);
    const longest = new Map<string, number>();
    for (const { kind, seconds } of counts.waiting) {
      longest.set(kindOf(kind), Math.max(seconds, longest.get(kindOf(kind)) ?? 0));
    }
    for (const [kind, seconds] of longest) waiting.set({ kind }, seconds);
    for (const { code, count } of counts.openIncidents) incidents.set({ code }, count);
    slowed.set(counts.slowedHosts);
    // Less where a limit was removed.
    hits.inc(Math.max(0, counts.throttleHits - (lastHits ?? counts.throttleHits)));
    lastHits = counts.throttleHits;
  }

  function count({ kind: name, from, to, reason, seconds }: Transition): void {
    const kind = kindOf(name);
    if (ENDS.includes(to)) ended.inc({ state: to });
    if (to === "leased" && seconds !== null) waits.observe({ kind }, seconds);
    if (from !== "leased") return;
    if (seconds !== null) runs.observe({ kind }, seconds);
    if (reason === "worker_lost") rescued.inc({ state: to });
    if (reason === "worker_lost" || to === "cancelled") losses.inc({ cause: reason ?? "cancelled" });
    const outcome = to === "ready" ? "retry" : to;
    // A worker that stops hands back what it has not finished, which is no failure.
    if (OUTCOMES.includes(outcome) && reason !== "worker_stopped") {
      failures.inc({ outcome, reason: reasonOf(reason ?? UNKNOWN) });
    }
  }

  const subscriptions = [
    requests.stop,
    ledgerCounted.subscribe(({ counts }) => showCounts(counts)),
    transitionsRead.subscribe(({ transitions }) => transitions.forEach(count)),
    ledgerReadFailed.subscribe(({ read }) => readFailures.inc({ read })),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
