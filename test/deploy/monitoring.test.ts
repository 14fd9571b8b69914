import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../internal/config/load.ts";
import { deployPath, isThere, readDeployed, readYaml, run } from "./tools.ts";

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}
interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
}
interface Scrape {
  readonly job_name: string;
  readonly static_configs?: readonly { readonly targets: readonly string[] }[];
  readonly dns_sd_configs?: readonly { readonly names: readonly string[]; readonly port: number }[];
}

const configs = readdirSync(deployPath("monitoring")).filter((file) => /^prometheus.*\.yml$/.test(file));
const dashboard = readDeployed("monitoring", "grafana", "dashboards", "stellarindex.json");
const { panels, templating, links } = JSON.parse(dashboard) as {
  panels: Panel[];
  templating: { list: Variable[] };
  links: { title: string }[];
};
const hasPromtool = await isThere("promtool", ["--version"], "what promtool says of Prometheus' settings and queries");
const scratch = mkdtempSync(join(tmpdir(), "stellarindex-queries-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const scrapesOf = (file: string): readonly Scrape[] =>
  readYaml<{ scrape_configs: Scrape[] }>(readDeployed("monitoring", file))[0]?.scrape_configs ?? [];

describe("Prometheus' settings", () => {
  it.skipIf(!hasPromtool).each(configs)("%s and the rules are accepted by promtool", async (config) => {
    const checked = await run("promtool", ["check", "config", deployPath("monitoring", config)]);
    expect(checked).toMatchObject({ status: 0, out: expect.stringMatching(/SUCCESS: .* rules found/) });
  });

  it.each(configs)("%s scrapes the daemons at their ports", (file) => {
    const { aggregate, api, control, gateway, deliver } = loadConfig({ env: {} }).config;
    const scrapes = scrapesOf(file);
    const ports = scrapes.map(({ static_configs: fixed, dns_sd_configs: dns }) => {
      return Number(fixed?.[0]?.targets[0]?.split(":")[1] ?? dns?.[0]?.port);
    });
    expect(scrapes.map(({ job_name }) => job_name)).toEqual([
      "stellarindex-aggregator",
      "stellarindex-api",
      "stellarindex-control",
      "stellarindex-gateway",
      "stellarindex-deliver",
      "stellarindex-worker",
    ]);
    expect(ports.slice(0, -1)).toEqual(
      [aggregate, api, control, gateway, deliver].map(({ ops_listen: { port } }) => port),
    );
    const starts = [
      readDeployed("systemd", "stellarindex-worker.service"),
      readDeployed("docker", "docker-compose.yml"),
      readDeployed("kubernetes", "worker.yaml"),
    ];
    for (const text of starts) expect(text).toMatch(new RegExp(`\\bworker,? --ops-listen,? \\S+:${ports.at(-1)}\\b`));
  });

  it("name existing services of Compose and Kubernetes", () => {
    const names = (file: string) => scrapesOf(file).map(({ dns_sd_configs: dns }) => dns?.[0]?.names[0]);
    const [{ services } = { services: {} }] = readYaml<{ services: object }>(
      readDeployed("docker", "docker-compose.yml"),
    );
    expect(Object.keys(services)).toEqual(expect.arrayContaining(names("prometheus.compose.yml")));
    const manifests = [
      "aggregator.yaml",
      "api.yaml",
      "control.yaml",
      "gateway.yaml",
      "deliver.yaml",
      "worker.yaml",
    ].flatMap((file) =>
      readYaml<{ kind: string; metadata: { name: string; namespace: string } }>(readDeployed("kubernetes", file)),
    );
    const hosts = manifests
      .filter(({ kind }) => kind === "Service")
      .map(({ metadata }) => `${metadata.name}.${metadata.namespace}.svc.cluster.local`);
    expect(hosts).toEqual(expect.arrayContaining(names("prometheus.kubernetes.yml")));
  });
});

describe("the dashboard", () => {
  it("uses the selected data source, of the provisioned type, from the path that Compose mounts", () => {
    const grafana = (...parts: string[]) => readDeployed("monitoring", "grafana", "provisioning", ...parts);
    const [{ datasources } = { datasources: [] }] = readYaml<{ datasources: { type: string; isDefault: boolean }[] }>(
      grafana("datasources", "prometheus.yml"),
    );
    expect(datasources).toEqual([expect.objectContaining({ type: "prometheus", isDefault: true })]);
    expect(templating.list[0]).toMatchObject({ name: "datasource", type: "datasource", query: "prometheus" });
    const asked = panels.flatMap(({ datasource, targets = [] }) =>
      [datasource, ...targets.map((target) => target.datasource)].flatMap((source) => source?.uid ?? []),
    );
    expect(asked.filter((uid) => !/^\$\{datasource\}$/.test(uid))).toEqual([]);
    const [, path] = /path: (.+)/.exec(grafana("dashboards", "stellarindex.yml")) ?? [];
    expect(readDeployed("docker", "docker-compose.yml")).toContain(`../monitoring/grafana/dashboards:${path}:ro`);
  });

  it("filters by the selected jobs and instances, and uses only existing variables", () => {
    const names = templating.list.map(({ name }) => name);
    const used = [...dashboard.matchAll(/\$\{?(\w+)/g)].map(([, name = ""]) => name);
    const own = /^__/;
    expect(new Set(used.filter((name) => !own.test(name)))).toEqual(new Set(names));
    for (const { expr } of panels.flatMap(({ targets = [] }) => targets)) {
      for (const [series] of expr.matchAll(/\b(?:stellarindex|process|nodejs)_\w+(?:\{[^{}]*\})?/g)) {
        expect([expr, series]).toEqual([expr, expect.stringContaining('job=~"$job", instance=~"$instance"')]);
      }
    }
    expect(links.map(({ title }) => title)).toEqual(["API", "Runbooks"]);
  });

  it("has panels that do not overlap", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });

  it.skipIf(!hasPromtool)("has valid PromQL queries", async () => {
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(queries.length).toBeGreaterThan(40);
    const rules = queries.map((query, index) => ({
      record: `query:${index}`,
      expr: query.replaceAll("$__rate_interval", "1m").replaceAll("$job", ".+"),
    }));
    const file = join(scratch, "queries.json");
    writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    const checked = await run("promtool", ["check", "rules", file]);
    expect(checked).toMatchObject({ status: 0, out: expect.stringContaining(`${queries.length} rules found`) });
  });

  it.skipIf(!hasPromtool)(
    "shows an error ratio of 0 without errors, without requests, and without an API",
    async () => {
      const panel = panels.find(({ title }) => title.startsWith("Share of requests"));
      const expr =
        panel?.targets?.[0]?.expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$(job|instance)/g, ".+") ?? "";
      const rules = join(scratch, "share.json");
      writeFileSync(rules, JSON.stringify({ groups: [{ name: "share", rules: [{ record: "share", expr }] }] }));
      const requests = (status: number) =>
        `stellarindex_api_requests_total{job="api",instance="a",route="/v1/vwap",method="GET",status="${status}"}`;
      const share = (series: Readonly<Record<string, string>>, value: number) => ({
        interval: "15s",
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        promql_expr_test: [{ expr: "share", eval_time: "5m", exp_samples: [{ labels: "share", value }] }],
      });
      const tests = [
        share({ [requests(200)]: "0+10x20" }, 0),
        share({ [requests(200)]: "70x20" }, 0),
        share({ up: "0x20" }, 0),
        share({ [requests(200)]: "0+30x20", [requests(503)]: "0+10x20" }, 0.25),
      ];
      const file = join(scratch, "share.test.json");
      writeFileSync(file, JSON.stringify({ rule_files: [rules], evaluation_interval: "15s", tests }));
      expect(await run("promtool", ["test", "rules", file])).toMatchObject({ err: "", status: 0 });
    },
  );
});
