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
  readonly targets?: readonly { readonly expr: string }[];
}
interface Scrape {
  readonly job_name: string;
  readonly static_configs?: readonly { readonly targets: readonly string[] }[];
  readonly dns_sd_configs?: readonly { readonly names: readonly string[]; readonly port: number }[];
}

const configs = readdirSync(deployPath("monitoring")).filter((file) => /^prometheus.*\.yml$/.test(file));
const { panels } = JSON.parse(readDeployed("monitoring", "grafana", "dashboards", "stellarindex.json")) as {
  panels: Panel[];
};
const hasPromtool = await isThere("promtool", ["--version"], "what promtool says of Prometheus' settings and queries");
const scratch = mkdtempSync(join(tmpdir(), "stellarindex-queries-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const scrapesOf = (file: string): readonly Scrape[] =>
  readYaml<{ scrape_configs: Scrape[] }>(readDeployed("monitoring", file))[0]?.scrape_configs ?? [];

describe("Prometheus' settings", () => {
  it.skipIf(!hasPromtool).each(configs)("%s is one that promtool takes, with the rules", async (config) => {
    const checked = await run("promtool", ["check", "config", deployPath("monitoring", config)]);
    expect(checked).toMatchObject({ status: 0, out: expect.stringMatching(/SUCCESS: .* rules found/) });
  });

  it.each(configs)("%s asks both daemons at the ports that they listen on", (file) => {
    const { aggregate, api } = loadConfig({ env: {} }).config;
    const scrapes = scrapesOf(file);
    const ports = scrapes.map(({ static_configs: fixed, dns_sd_configs: dns }) => {
      return Number(fixed?.[0]?.targets[0]?.split(":")[1] ?? dns?.[0]?.port);
    });
    expect(scrapes.map(({ job_name }) => job_name)).toEqual(["stellarindex-aggregator", "stellarindex-api"]);
    expect(ports).toEqual([aggregate.ops_listen.port, api.ops_listen.port]);
  });

  it("names services of compose and of Kubernetes", () => {
    const names = (file: string) => scrapesOf(file).map(({ dns_sd_configs: dns }) => dns?.[0]?.names[0]);
    const [{ services } = { services: {} }] = readYaml<{ services: object }>(
      readDeployed("docker", "docker-compose.yml"),
    );
    expect(Object.keys(services)).toEqual(expect.arrayContaining(names("prometheus.compose.yml")));
    const manifests = ["aggregator.yaml", "api.yaml"].flatMap((file) =>
      readYaml<{ kind: string; metadata: { name: string; namespace: string } }>(readDeployed("kubernetes", file)),
    );
    const hosts = manifests
      .filter(({ kind }) => kind === "Service")
      .map(({ metadata }) => `${metadata.name}.${metadata.namespace}.svc.cluster.local`);
    expect(hosts).toEqual(expect.arrayContaining(names("prometheus.kubernetes.yml")));
  });
});

describe("the dashboard", () => {
  it("asks the data source that is provisioned, from where compose puts it", () => {
    const grafana = (...parts: string[]) => readDeployed("monitoring", "grafana", "provisioning", ...parts);
    const [{ datasources } = { datasources: [] }] = readYaml<{ datasources: { uid: string }[] }>(
      grafana("datasources", "prometheus.yml"),
    );
    const asked = panels.flatMap(({ datasource }) => datasource?.uid ?? []);
    expect(new Set(asked)).toEqual(new Set(datasources.map(({ uid }) => uid)));
    const [, path] = /path: (.+)/.exec(grafana("dashboards", "stellarindex.yml")) ?? [];
    expect(readDeployed("docker", "docker-compose.yml")).toContain(`../monitoring/grafana/dashboards:${path}:ro`);
  });

  it("has panels that do not cover each other", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });

  it.skipIf(!hasPromtool)("asks what Prometheus understands", async () => {
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(queries.length).toBeGreaterThan(40);
    const rules = queries.map((query, index) => ({
      record: `query:${index}`,
      expr: query.replaceAll("$__rate_interval", "1m"),
    }));
    const file = join(scratch, "queries.json");
    writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    const checked = await run("promtool", ["check", "rules", file]);
    expect(checked).toMatchObject({ status: 0, out: expect.stringContaining(`${queries.length} rules found`) });
  });
});
