import { channels } from "./events.ts";
import { code, codeBlock, generatedFrom, list, page, paragraph, plain, table } from "./markdown.ts";
import { type MetricReference, metricsOf } from "./metrics.ts";

const ROOT = "../../..";

const OPENING = paragraph(
  "Every daemon serves Prometheus metrics at `/metrics` on its `ops_listen` address, next to `/healthz` and `/readyz`. " +
    "Series of labels whose values are listed here exist at zero from the start; the others appear with the first event " +
    "of their kind. No label ever holds a pair. Names and labels are a contract with alert rules.",
);

const CONTROL = paragraph(
  "Every control daemon reads the whole ledger, whichever process changed it, and counts from its own start: of several " +
    "daemons look at one or at the maximum, never at the sum; requests, failures of reads and what it holds in progress are its own. " +
    "Beyond 50 kinds or reasons, the others count as `other`.",
);

const WORKER = paragraph(
  "What the [collectors](../../collectors.md) of a process do, served by `worker --ops-listen` and by `start`. Beyond 50 sources, the " +
    "others count as `other`.",
);

const DELIVER = paragraph(
  "What the daemon `deliver` and `start` serve of deliveries and of the [archive of events](../../archive.md). Labels of destinations are the names of `[[deliveries]]`.",
);

const READ_ON = list([
  "[how outliers, venues and the volume floor work](../../robustness.md)",
  "[prices through other markets](../../triangulation.md)",
  "[checks against references](../../divergence.md)",
  "[answers from copies](../../adr/0006-answers-from-copies.md)",
]);

const LISTENING = paragraph(
  "Metrics and logs listen to events on `node:diagnostics_channel`; other code in the process can as well, without a " +
    "change to the program. A listener is called at once with each event, so it should be quick, and what it throws " +
    "ends the process. Times are microseconds since 1970, as bigint.",
);

const LISTENER = `// listener.mjs: node --import ./listener.mjs dist/cmd/stellarindex.js aggregator
import { subscribe } from "node:diagnostics_channel";

subscribe("stellarindex:aggregator:target", ({ pair, windowSeconds, outcome }) => {
  console.log(\`\${pair.base}/\${pair.quote} \${windowSeconds}s: \${outcome}\`);
});`;

/** docs/reference/metrics: what the daemons count and measure, and the events that they publish. */
export async function metricsPage(): Promise<string> {
  const [aggregator, api, control, gateway, deliver, worker] = await Promise.all([
    metricsOf("aggregator"),
    metricsOf("api"),
    metricsOf("control"),
    metricsOf("gateway"),
    metricsOf("deliver"),
    metricsOf("worker"),
  ]);
  const isShared = ({ name }: MetricReference) =>
    [aggregator, api, control, gateway, deliver].every((all) => all.some((each) => each.name === name));
  const shared = aggregator.filter(isShared);
  return page(
    generatedFrom("the metrics and events of internal"),
    "# Metrics",
    OPENING,
    READ_ON,
    "## Aggregator",
    metricTable(aggregator.filter((metric) => !isShared(metric))),
    "## API",
    metricTable(api.filter((metric) => !isShared(metric))),
    "## Control",
    CONTROL,
    metricTable(control.filter((metric) => !isShared(metric))),
    "## Gateway",
    metricTable(gateway.filter((metric) => !isShared(metric))),
    "## Deliver",
    DELIVER,
    metricTable(deliver.filter((metric) => !isShared(metric))),
    "## Worker",
    WORKER,
    metricTable(worker.filter(({ name }) => name.startsWith("stellarindex_collector_"))),
    "## All",
    ...(shared.length > 0 ? [metricTable(shared)] : []),
    "The process's own metrics (`process_…`, `nodejs_…`) come with all.",
    "## Events",
    LISTENING,
    codeBlock("js", LISTENER),
    table(
      ["channel", "published when", "carries"],
      channels().map(({ name, when, type, fields, file }) => [
        code(name),
        plain(when),
        `[${code(type)}](${ROOT}/${file}): ${fields.map(code).join(", ")}`,
      ]),
    ),
  );
}

function metricTable(metrics: readonly MetricReference[]): string {
  return table(
    ["metric", "type", "labels", "what it tells"],
    metrics.map((metric) => [code(metric.name), metric.type, labelsOf(metric), helpOf(metric)]),
  );
}

function labelsOf({ labels }: MetricReference): string {
  return [...labels]
    .map(([label, values]) => (values.length === 0 ? code(label) : `${code(label)}: ${values.map(code).join(", ")}`))
    .join("; ");
}

function helpOf({ help, buckets }: MetricReference): string {
  return buckets.length === 0 ? plain(help) : `${plain(help)}. Buckets: ${buckets.join(", ")}`;
}
