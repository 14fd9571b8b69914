import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { packageRoot } from "../internal/lib/package-root.ts";
import { problemsIn, type Reading, textsOf } from "./metric-mentions.ts";

const RULES = "deploy/monitoring/rules";
const RUNBOOKS = "docs/runbooks";

interface Rule {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface RuleTest {
  readonly name: string;
  readonly input_series: readonly unknown[];
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
}

/** Returns the files below a folder, with paths from the root of the project. */
function filesIn(folder: string, ending: string): string[] {
  return readdirSync(join(packageRoot(), folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending))
    .map((file) => join(folder, file))
    .sort();
}

function read(file: string): string {
  return readFileSync(join(packageRoot(), file), "utf8");
}

function rules(): Rule[] {
  const files = filesIn(RULES, ".yml").filter((file) => !file.includes("/tests/"));
  return files.flatMap((file) => parse(read(file)).groups.flatMap((group: { rules: Rule[] }) => group.rules));
}

const alerts = [...new Set(rules().map(({ alert }) => alert))].sort();

test.each<[string, string, Reading]>([
  [RULES, ".yml", "series"],
  ["deploy", ".json", "series"],
  [RUNBOOKS, ".md", "prose"],
  ["docs/reference/metrics", ".md", "prose"],
])("every metric, label and value named in %s/**/*%s is registered by a daemon", async (folder, ending, reading) => {
  const files = filesIn(folder, ending);
  expect(files).not.toEqual([]);
  const problems = new Set<string>();
  for (const file of files) {
    for (const text of textsOf(file, read(file))) {
      for (const problem of await problemsIn(text, reading)) problems.add(`${file}: ${problem}`);
    }
  }
  expect([...problems]).toEqual([]);
});

test("every alert has a runbook, and every runbook an alert", () => {
  const runbooks = filesIn(RUNBOOKS, ".md").map((file) => basename(file, ".md"));
  expect(runbooks.filter((name) => name !== "README")).toEqual(alerts);
  for (const { alert, annotations } of rules()) {
    const base = `{{ with $externalLabels.runbooks }}{{ . }}{{ else }}${RUNBOOKS}{{ end }}`;
    expect(annotations).toMatchObject({ runbook_url: `${base}/${alert}.md` });
    expect(read(`${RUNBOOKS}/README.md`)).toContain(`(${alert}.md)`);
  }
});

test("every alert has a severity, a summary and a description", () => {
  for (const { alert, labels, annotations } of rules()) {
    expect([alert, labels["severity"]]).toEqual([alert, expect.stringMatching(/^(page|ticket)$/)]);
    expect([alert, annotations]).toEqual([
      alert,
      expect.objectContaining({ summary: expect.any(String), description: expect.any(String) }),
    ]);
  }
});

test("every alert has a test that fires and one that does not, with matching names", () => {
  const files = filesIn(`${RULES}/tests`, ".yml");
  expect(files.map((file) => basename(file, ".yml"))).toEqual(alerts);
  for (const file of files) {
    const alert = basename(file, ".yml");
    const { rule_files, tests } = parse(read(file)) as { rule_files: string[]; tests: RuleTest[] };
    const files = { control: "control", deliver: "deliver", gateway: "gateway", collector: "collectors" } as const;
    const [capability = ""] = /^(control|deliver|gateway|collector)(?=_)/.exec(alert) ?? [];
    expect(rule_files).toEqual([`../${files[capability as keyof typeof files] ?? "aggregator"}.yml`]);
    const kinds = tests.map(({ name, input_series, alert_rule_test: cases }) => {
      const isFiring = cases.some(({ exp_alerts }) => exp_alerts.length > 0);
      expect([name, name.startsWith(`${alert} ${isFiring ? "fires" : "is quiet"}: `)]).toEqual([name, true]);
      expect([name, cases.every(({ alertname }) => alertname === alert)]).toEqual([name, true]);
      expect([name, input_series.length]).not.toEqual([name, 0]);
      return isFiring;
    });
    expect([alert, new Set(kinds)]).toEqual([alert, new Set([true, false])]);
  }
});
