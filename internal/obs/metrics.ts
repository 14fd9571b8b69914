import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { REFUSALS } from "../aggregate/compute.ts";
import { STAGES } from "../aggregate/stages.ts";
import {
  DIVERGENCE_OUTCOMES,
  divergenceChecked,
  leasesChanged,
  REFERENCE_FAILURES,
  stageDone,
  targetDone,
  tickDone,
  ticksSkipped,
  triangulationDone,
  unknownSource,
  valuesWritten,
} from "./events.ts";
import { venueSpread } from "./venue-spread.ts";

/** Why a value that trades would make is not published. */
const WITHHELD = REFUSALS.filter((refusal) => refusal !== "empty");

/** Metrics fed by events, until `stop`. */
export interface MetricsFeed {
  readonly stop: () => void;
}

/** A registry with the process's own metrics (`process_…`, `nodejs_…`). */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

/**
 * The aggregator's metrics (docs/reference/metrics). Every series exists at zero from the start; no label holds a pair.
 */
export function feedAggregatorMetrics(registry: Registry): MetricsFeed {
  const registers = [registry];
  const ticks = new Counter({
    name: "stellarindex_aggregator_ticks_total",
    help: "Ticks; error where any target failed",
    labelNames: ["outcome"],
    registers,
  });
  const writes = new Counter({
    name: "stellarindex_aggregator_vwap_writes_total",
    help: "Values written to the store",
    registers,
  });
  const emptyWindows = new Counter({
    name: "stellarindex_aggregator_empty_windows_total",
    help: "Targets without a trade left in their window, and without a value through other markets",
    registers,
  });
  const dropped = new Counter({
    name: "stellarindex_aggregator_dropped_trades_total",
    help: "Trades left out of a window by a filter, at every tick that sees them",
    labelNames: ["reason"],
    registers,
  });
  const withheld = new Counter({
    name: "stellarindex_aggregator_withheld_windows_total",
    help: "Targets whose value is withheld: too few sources, the volume floor, or the guard; and without one through other markets",
    labelNames: ["reason"],
    registers,
  });
  const unknownUsdVolume = new Counter({
    name: "stellarindex_aggregator_unknown_usd_volume_total",
    help: "Targets whose USD volume could not be known for want of a rate",
    registers,
  });
  const failures = new Counter({
    name: "stellarindex_aggregator_target_failures_total",
    help: "Targets that could not be computed or written",
    registers,
  });
  const skipped = new Counter({
    name: "stellarindex_aggregator_ticks_skipped_total",
    help: "Boundaries that passed while a tick was still running",
    registers,
  });
  const targets = new Gauge({
    name: "stellarindex_aggregator_targets",
    help: "Targets that were this aggregator's to compute at the last tick",
    registers,
  });
  const tickDuration = new Histogram({
    name: "stellarindex_aggregator_tick_duration_seconds",
    help: "How long ticks took",
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  const stageDuration = new Histogram({
    name: "stellarindex_aggregator_stage_duration_seconds",
    help: "How long a step took: of one target since its step before, which includes waiting for reads it shares with others; write, of all values of a tick",
    labelNames: ["stage"],
    buckets: [0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const stageTrades = new Counter({
    name: "stellarindex_aggregator_stage_trades_total",
    help: "Trades that a step handed on, counted at every tick that sees them",
    labelNames: ["stage"],
    registers,
  });
  const publishLag = new Histogram({
    name: "stellarindex_aggregator_publish_lag_seconds",
    help: "From the end of a bucket until its values were in the store, once a tick that wrote",
    buckets: [0.5, 1, 2.5, 5, 5.5, 6, 7, 8, 10, 15, 20, 30, 60, 120],
    registers,
  });
  const writeErrors = new Counter({
    name: "stellarindex_aggregator_cache_write_errors_total",
    help: "Values that could not be written to the store",
    registers,
  });
  const lastSuccess = new Gauge({
    name: "stellarindex_aggregator_last_success_timestamp_seconds",
    help: "When the last tick without a failed target was over, in Unix time; 0 before the first",
    registers,
  });
  const replicas = new Gauge({
    name: "stellarindex_aggregator_replicas",
    help: "Live aggregators that share the targets, this one included",
    registers,
  });
  const leaseChanges = new Counter({
    name: "stellarindex_aggregator_lease_changes_total",
    help: "Pairs that changed hands: taken by this aggregator, handed on to another, or lost to another during a tick, so that their values were not written",
    labelNames: ["change"],
    registers,
  });
  const unknownSources = new Counter({
    name: "stellarindex_aggregator_unknown_sources_total",
    help: "Sources with trades that the registry does not know, each counted once",
    registers,
  });
  const lastTick = new Gauge({
    name: "stellarindex_aggregator_last_tick_boundary_seconds",
    help: "The boundary of the last tick, in Unix time",
    registers,
  });
  const spread = new Histogram({
    name: "stellarindex_aggregator_venue_spread_ratio",
    help: "Distance of the venues' own VWAPs in a written value: (highest - lowest) / median, of two venues or more",
    buckets: [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1],
    registers,
  });
  const triangulations = new Counter({
    name: "stellarindex_aggregator_triangulations_total",
    help: "Targets without a price of their own that have a chain or a route through other markets, by outcome",
    labelNames: ["outcome"],
    registers,
  });
  const fxFallbacks = new Counter({
    name: "stellarindex_aggregator_fx_snap_fallback_total",
    help: "Legs between currencies of triangulated values that a window's average stood for, for want of a rate",
    registers,
  });
  const divergence = new Counter({
    name: "stellarindex_divergence_refresh_total",
    help: "Published pairs held against references, by outcome",
    labelNames: ["outcome"],
    registers,
  });
  const divergenceWarnings = new Counter({
    name: "stellarindex_divergence_warnings_total",
    help: "Comparisons that found our price too far from the references' median",
    registers,
  });
  const referenceFailures = new Counter({
    name: "stellarindex_divergence_reference_failures_total",
    help: "Prices that a reference did not give, by kind of failure",
    labelNames: ["failure"],
    registers,
  });
  for (const outcome of ["ok", "missing_leg", "stale_leg", "error"]) triangulations.inc({ outcome }, 0);
  for (const outcome of DIVERGENCE_OUTCOMES) divergence.inc({ outcome }, 0);
  for (const failure of REFERENCE_FAILURES) referenceFailures.inc({ failure }, 0);
  for (const outcome of ["ok", "error"]) ticks.inc({ outcome }, 0);
  for (const stage of [...STAGES, "write"]) stageDuration.zero({ stage });
  for (const stage of STAGES) stageTrades.inc({ stage }, 0);
  for (const change of ["taken", "handed_on", "lost"]) leaseChanges.inc({ change }, 0);
  replicas.set(1);
  for (const reason of ["class", "outlier", "venue", "peg"]) dropped.inc({ reason }, 0);
  for (const reason of WITHHELD) withheld.inc({ reason }, 0);

  const subscriptions = [
    targetDone.subscribe((event) => {
      dropped.inc({ reason: "class" }, event.dropped.class);
      dropped.inc({ reason: "outlier" }, event.dropped.outlier);
      dropped.inc({ reason: "venue" }, event.dropped.venue ?? 0);
      dropped.inc({ reason: "peg" }, event.dropped.peg ?? 0);
      if (!event.usdVolumeKnown) unknownUsdVolume.inc();
      const ratio = event.outcome === "written" && event.value !== null ? venueSpread(event.value) : null;
      if (ratio !== null) spread.observe(ratio);
    }),
    stageDone.subscribe(({ stage, seconds, trades }) => {
      stageDuration.observe({ stage }, seconds);
      stageTrades.inc({ stage }, trades);
    }),
    valuesWritten.subscribe(({ seconds, lagSeconds, errors }) => {
      stageDuration.observe({ stage: "write" }, seconds);
      publishLag.observe(lagSeconds);
      writeErrors.inc(errors);
    }),
    leasesChanged.subscribe(({ members, taken, handedOn, lost }) => {
      if (members !== null) replicas.set(members);
      leaseChanges.inc({ change: "taken" }, taken);
      leaseChanges.inc({ change: "handed_on" }, handedOn);
      leaseChanges.inc({ change: "lost" }, lost);
    }),
    tickDone.subscribe(({ targets: ours, counts, to, durationSeconds, endedAt, error }) => {
      const isOk = error === null && counts.error === 0;
      ticks.inc({ outcome: isOk ? "ok" : "error" });
      targets.set(ours);
      tickDuration.observe(durationSeconds);
      if (isOk) lastSuccess.set(Number(endedAt) / 1e6);
      writes.inc(counts.written);
      emptyWindows.inc(counts.empty);
      for (const reason of WITHHELD) withheld.inc({ reason }, counts[reason]);
      failures.inc(counts.error);
      lastTick.set(Number(to / 1_000_000n));
    }),
    triangulationDone.subscribe((event) => {
      triangulations.inc({ outcome: event.outcome });
      fxFallbacks.inc(event.fxFallbacks);
    }),
    divergenceChecked.subscribe((event) => {
      divergence.inc({ outcome: event.outcome });
      if (event.divergence?.warning === true) divergenceWarnings.inc();
      for (const { failure } of event.failures) referenceFailures.inc({ failure });
    }),
    ticksSkipped.subscribe(({ count }) => skipped.inc(count)),
    unknownSource.subscribe(() => unknownSources.inc()),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
