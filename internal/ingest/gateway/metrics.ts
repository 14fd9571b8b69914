import { Counter, Gauge, type Registry } from "prom-client";
import { feedRequestMetrics } from "../../http/metrics.ts";
import { systemClock } from "../../lib/clock.ts";
import type { MetricsFeed } from "../../obs/registry.ts";
import { QUARANTINE_KINDS } from "../../storage/ingest/quarantine.ts";
import type { JournalState } from "../journal/journal.ts";
import { ANSWERED_STATUSES } from "./event-schema.ts";
import {
  drainFailed,
  eventAnswered,
  journalDrained,
  quarantineCounted,
  quarantined,
  rowsAnswered,
  writeRefused,
} from "./events.ts";
import { ROW_STATUSES } from "./row-report.ts";

const REFUSALS = ["disk-full", "journal-full", "journal-failed", "no-journal"] as const;
const MICROS_PER_SECOND = 1e6;

/** Registers the metrics of the gateway with those of its requests. */
export function feedGatewayMetrics(registry: Registry, journal: () => JournalState | null = () => null): MetricsFeed {
  const requests = feedRequestMetrics(registry, "gateway");
  const rows = feedRowMetrics(registry, journal);
  return {
    stop: () => {
      requests.stop();
      rows.stop();
    },
  };
}

/**
 * Registers the metrics of rows, journal and quarantine.
 * @param journal returns the state of the journal; null where there is none
 */
function feedRowMetrics(registry: Registry, journal: () => JournalState | null): MetricsFeed {
  const registers = [registry];
  const rows = new Counter({
    name: "stellarindex_gateway_rows_total",
    help: "Rows that senders were answered for, by what became of them",
    labelNames: ["status"],
    registers,
  });
  const events = new Counter({
    name: "stellarindex_gateway_events_total",
    help: "Posted events that senders were answered for, by what became of them",
    labelNames: ["status"],
    registers,
  });
  const refused = new Counter({
    name: "stellarindex_gateway_refused_writes_total",
    help: "Requests answered 503 because neither the database nor the journal took what they sent, by why the journal did not",
    labelNames: ["reason"],
    registers,
  });
  const drained = new Counter({
    name: "stellarindex_gateway_drained_records_total",
    help: "Records of the journal that were stored in the database",
    registers,
  });
  const drainFailures = new Counter({
    name: "stellarindex_gateway_drain_failures_total",
    help: "Attempts to store records of the journal that failed",
    registers,
  });
  const kept = new Counter({
    name: "stellarindex_gateway_unreadable_total",
    help: "Bodies that could not be read, by whether they are kept in quarantine",
    labelNames: ["outcome"],
    registers,
  });
  const entries = new Gauge({
    name: "stellarindex_gateway_quarantine_entries",
    help: "Entries of the quarantine, counted each minute",
    labelNames: ["kind"],
    registers,
  });
  const bytes = new Gauge({
    name: "stellarindex_gateway_quarantine_bytes",
    help: "Bytes of the entries of the quarantine, counted each minute",
    labelNames: ["kind"],
    registers,
  });
  feedJournalMetrics(registry, journal);
  for (const status of ROW_STATUSES) rows.inc({ status }, 0);
  for (const status of ANSWERED_STATUSES) events.inc({ status }, 0);
  for (const reason of REFUSALS) refused.inc({ reason }, 0);
  for (const outcome of ["kept", "lost"]) kept.inc({ outcome }, 0);
  for (const kind of QUARANTINE_KINDS) {
    entries.set({ kind }, 0);
    bytes.set({ kind }, 0);
  }
  const subscriptions = [
    rowsAnswered.subscribe(({ counts }) => {
      for (const status of ROW_STATUSES) if (counts[status] > 0) rows.inc({ status }, counts[status]);
    }),
    eventAnswered.subscribe(({ status }) => events.inc({ status })),
    writeRefused.subscribe(({ reason }) => refused.inc({ reason })),
    journalDrained.subscribe(({ records }) => drained.inc(records)),
    drainFailed.subscribe(() => drainFailures.inc()),
    quarantined.subscribe(({ error }) => kept.inc({ outcome: error === null ? "kept" : "lost" })),
    quarantineCounted.subscribe(({ counts }) => {
      for (const kind of QUARANTINE_KINDS) {
        const counted = counts.find((each) => each.kind === kind);
        entries.set({ kind }, counted?.entries ?? 0);
        bytes.set({ kind }, counted?.bytes ?? 0);
      }
    }),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}

function feedJournalMetrics(registry: Registry, journal: () => JournalState | null): void {
  const gauge = (name: string, help: string, read: (state: JournalState) => number): void => {
    new Gauge({
      name: `stellarindex_gateway_journal_${name}`,
      help,
      registers: [registry],
      collect() {
        const state = journal();
        this.set(state === null ? 0 : read(state));
      },
    });
  };
  gauge("records", "Records of the journal that are not in the database yet", ({ depth }) => depth);
  gauge("bytes", "Bytes of the journal's files", ({ bytes }) => bytes);
  gauge(
    "age_seconds",
    "Age of the oldest record of the journal that is not in the database yet; 0 where there is none",
    (state) => (state.oldest === null ? 0 : Number(systemClock.now() - state.oldest) / MICROS_PER_SECOND),
  );
}
