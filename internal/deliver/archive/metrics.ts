import { Counter, Gauge, type Registry } from "prom-client";
import type { MetricsFeed } from "../../obs/registry.ts";
import { archiveMeasured, deliverFailed, eventsArchived } from "../events.ts";

/** Registers the metrics of the archive of events. */
export function feedArchiveMetrics(registry: Registry): MetricsFeed {
  const registers = [registry];
  const counter = (name: string, help: string): Counter =>
    new Counter({ name: `stellarindex_deliver_archive_${name}_total`, help, registers });
  const objects = counter("objects", "Objects that were written to the archive, and events' data removed for");
  const events = counter("events", "Events whose data were moved to the archive");
  const bytes = counter("bytes", "Bytes of the objects that were written to the archive");
  const failures = counter(
    "failures",
    "Passes of the archiving that failed; what is not archived stays in the database",
  );
  const overdue = new Gauge({
    name: "stellarindex_deliver_archive_overdue_seconds",
    help: "By how much the oldest event whose data are in the database is older than archive_after; measured every 5 minutes",
    registers,
  });
  const subscriptions = [
    eventsArchived.subscribe((archived) => {
      objects.inc();
      events.inc(archived.events);
      bytes.inc(archived.bytes);
    }),
    deliverFailed.subscribe(({ call }) => {
      if (call === "archive") failures.inc();
    }),
    archiveMeasured.subscribe(({ overdueSeconds }) => overdue.set(overdueSeconds)),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}
