import { parse } from "yaml";
import { type MetricReference, metricsOf } from "../docs/generate/metrics.ts";

/**
 * How a text names metrics. `series`: as in PromQL, a histogram by `_bucket`, `_sum` or `_count`. `prose`: also by the
 * registered name, and several at once by a prefix that ends in an underscore.
 */
export type Reading = "series" | "prose";

/** Names with the prefix of metrics that are none: tables and roles of the database. */
const OTHERS = /^stellarindex_(migrations|owner|reader|decoder)$/;
const MENTION = /\bstellarindex_\w+(?:\{([^{}]*)\})?/g;
const MATCHER = /(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g;
const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)/g;
/** Labels that Prometheus adds. */
const TARGET_LABELS = ["job", "instance"];

const registered = Promise.all([
  metricsOf("aggregator"),
  metricsOf("api"),
  metricsOf("control"),
  metricsOf("deliver"),
  metricsOf("gateway"),
  metricsOf("worker"),
]).then((daemons) => daemons.flat());

/** Returns the texts of a file: each string of a YAML or JSON document, or the whole file. */
export function textsOf(file: string, content: string): string[] {
  if (file.endsWith(".yml") || file.endsWith(".json")) return strings(parse(content));
  return [content];
}

function strings(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(strings) : [];
}

/** Returns the metrics, labels and label values in a text that no daemon registers. */
export async function problemsIn(text: string, reading: Reading): Promise<string[]> {
  const metrics = await registered;
  const problems: string[] = [];
  const groupable = new Set(TARGET_LABELS);
  for (const [mention, matchers = ""] of text.matchAll(MENTION)) {
    const name = mention.replace(/\{.*/s, "");
    if (OTHERS.test(name)) continue;
    const named = metrics.filter((metric) => isNamed(metric, name, reading));
    if (named.length === 0) problems.push(`${name} is not registered`);
    else {
      const labels = labelsOf(named, name);
      for (const label of labels.keys()) groupable.add(label);
      problems.push(...wrongMatchers(name, matchers, labels));
    }
  }
  if (reading === "series" && text.includes("stellarindex_")) problems.push(...wrongGroupings(text, groupable));
  return problems;
}

function isNamed({ name: registeredName, type }: MetricReference, name: string, reading: Reading): boolean {
  if (reading === "prose" && (name === registeredName || (name.endsWith("_") && registeredName.startsWith(name)))) {
    return true;
  }
  if (type !== "histogram") return name === registeredName;
  return ["_bucket", "_sum", "_count"].some((ending) => name === registeredName + ending);
}

/** Labels with the values that exist from the start; none if values appear later. */
function labelsOf(metrics: readonly MetricReference[], name: string): Map<string, readonly string[]> {
  const labels = new Map<string, readonly string[]>();
  for (const metric of metrics) {
    for (const [label, values] of metric.labels) labels.set(label, [...(labels.get(label) ?? []), ...values]);
    if (name.endsWith("_bucket")) labels.set("le", [...metric.buckets.map(String), "+Inf"]);
  }
  return labels;
}

function wrongMatchers(name: string, matchers: string, labels: ReadonlyMap<string, readonly string[]>): string[] {
  return [...matchers.matchAll(MATCHER)].flatMap(([, label = "", operator = "", wanted = ""]) => {
    if (TARGET_LABELS.includes(label)) return [];
    const values = labels.get(label);
    if (values === undefined) return [`${name} has no label ${label}`];
    const matches = operator.includes("~") ? RegExp.prototype.test.bind(new RegExp(`^(?:${wanted})$`)) : null;
    const isKnown = values.some((value) => matches?.(value) ?? value === wanted);
    return values.length === 0 || isKnown ? [] : [`${name} is never ${label}="${wanted}"`];
  });
}

function wrongGroupings(text: string, groupable: ReadonlySet<string>): string[] {
  return [...text.matchAll(GROUPING)]
    .flatMap(([, list = ""]) => list.split(",").map((label) => label.trim()))
    .filter((label) => label !== "" && !groupable.has(label))
    .map((label) => `no metric of ${JSON.stringify(text)} has a label ${label}`);
}
