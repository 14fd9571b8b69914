import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { REFUSALS } from "../canonical/withheld.ts";
import type { MetricsFeed } from "../obs/registry.ts";
import { STAGES } from "../policy/stages.ts";
import { venueSpread } from "../policy/venue-spread.ts";
import {
  leasesChanged,
  stageDone,
  targetDone,
  tickDone,
  ticksSkipped,
  triangulationDone,
  unknownSource,
  valuesWritten,
} from "./events.ts";

/** Reasons for which a value of existing trades is withheld. */
const WITHHELD = REFUSALS.filter((refusal) => refusal !== "empty");

/**
 * Feeds the aggregator's metrics (docs/reference/metrics). Every series exists at zero from the start; no label is a
 * pair.
 */
export function feedAggregatorMetrics(registry: Registry): MetricsFeed {
  const registers = [registry];
  const ticks = new Counter({
    name: "stellarindex_aggregator_ticks_total",
    help: "Ticks by outcome; error if any target failed",
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
    help: "Targets without trades after the filters and without a triangulated value, counted at every tick",
    registers,
  });
  const dropped = new Counter({
    name: "stellarindex_aggregator_dropped_trades_total",
    help: "Trades dropped by a filter, counted at every tick whose window contains them",
    labelNames: ["reason"],
    registers,
  });
  const withheld = new Counter({
    name: "stellarindex_aggregator_withheld_windows_total",
    help: "Targets whose value is withheld (too few sources, floor or guard) and that have no triangulated value",
    labelNames: ["reason"],
    registers,
  });
  const unknownUsdVolume = new Counter({
    name: "stellarindex_aggregator_unknown_usd_volume_total",
    help: "Targets whose USD volume is unknown because there is no USD rate",
    registers,
  });
  const failures = new Counter({
    name: "stellarindex_aggregator_target_failures_total",
    help: "Targets whose value could not be computed or written",
    registers,
  });
  const skipped = new Counter({
    name: "stellarindex_aggregator_ticks_skipped_total",
    help: "Boundaries skipped because a tick was still running",
    registers,
  });
  const targets = new Gauge({
    name: "stellarindex_aggregator_targets",
    help: "Targets assigned to this aggregator at the last tick",
    registers,
  });
  const tickDuration = new Histogram({
    name: "stellarindex_aggregator_tick_duration_seconds",
    help: "Duration of ticks",
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  const stageDuration = new Histogram({
    name: "stellarindex_aggregator_stage_duration_seconds",
    help: "Duration of a stage of one target, waits for shared reads included; write: for all values of a tick",
    labelNames: ["stage"],
    buckets: [0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const stageTrades = new Counter({
    name: "stellarindex_aggregator_stage_trades_total",
    help: "Trades that passed a stage, counted at every tick whose window contains them",
    labelNames: ["stage"],
    registers,
  });
  const publishLag = new Histogram({
    name: "stellarindex_aggregator_publish_lag_seconds",
    help: "Time from the end of a bucket until its values were in the store, once per tick that wrote values",
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
    help: "End of the last tick without a failed target, in Unix time; 0 before the first",
    registers,
  });
  const replicas = new Gauge({
    name: "stellarindex_aggregator_replicas",
    help: "Live aggregators that share the targets, including this one",
    registers,
  });
  const leaseChanges = new Counter({
    name: "stellarindex_aggregator_lease_changes_total",
    help: "Pair leases: taken, handed on to another aggregator, or lost during a tick (values not written)",
    labelNames: ["change"],
    registers,
  });
  const unknownSources = new Counter({
    name: "stellarindex_aggregator_unknown_sources_total",
    help: "Sources with trades that are not in the registry, each counted once",
    registers,
  });
  const lastTick = new Gauge({
    name: "stellarindex_aggregator_last_tick_boundary_seconds",
    help: "Boundary of the last tick, in Unix time",
    registers,
  });
  const spread = new Histogram({
    name: "stellarindex_aggregator_venue_spread_ratio",
    help: "Spread of the venues' VWAPs in a written value: (highest - lowest) / median, for two or more venues",
    buckets: [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1],
    registers,
  });
  const triangulations = new Counter({
    name: "stellarindex_aggregator_triangulations_total",
    help: "Triangulations of targets without a value of their own, by outcome",
    labelNames: ["outcome"],
    registers,
  });
  const fxFallbacks = new Counter({
    name: "stellarindex_aggregator_fx_snap_fallback_total",
    help: "Legs between two currencies of triangulated values priced by a VWAP because there is no exchange rate",
    registers,
  });
  for (const outcome of ["ok", "missing_leg", "stale_leg", "error"]) triangulations.inc({ outcome }, 0);
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
    ticksSkipped.subscribe(({ count }) => skipped.inc(count)),
    unknownSource.subscribe(() => unknownSources.inc()),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
