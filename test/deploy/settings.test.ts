import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { load } from "../../internal/config/config.testing.ts";
import { FILE_VARIABLE } from "../../internal/config/env.ts";
import { CONFIG_KEYS } from "../../internal/config/keys.ts";
import { loadConfig } from "../../internal/config/load.ts";
import { refuseUnsharedStores } from "../../internal/config/shared-stores.ts";
import { packageRoot } from "../../internal/lib/package-root.ts";
import { deployPath, readDeployed, readYaml } from "./tools.ts";

const OPERATIONS = join(packageRoot(), "docs", "operations.md");
const texts = [
  OPERATIONS,
  ...readdirSync(deployPath(), { recursive: true, encoding: "utf8" })
    .map((name) => deployPath(name))
    .filter((path) => statSync(path).isFile()),
].map((path) => [path.slice(packageRoot().length + 1), readFileSync(path, "utf8")] as const);

/** Returns the assignments of an example environment file. */
function assignments(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]));
}

describe("the settings of deployments", () => {
  it("are existing configuration keys", () => {
    const known = new Set([FILE_VARIABLE, ...CONFIG_KEYS.map(({ variable }) => variable)]);
    const found = texts.flatMap(([path, text]) =>
      [...text.matchAll(/STELLARINDEX_[A-Z_]*[A-Z]/g)].map(([variable]) => ({ path, variable })),
    );
    expect(found.length).toBeGreaterThan(10);
    expect(found.filter(({ variable }) => !known.has(variable))).toEqual([]);
  });

  it("load for the daemons of systemd, which share their stores and the targets", () => {
    const env = assignments(readDeployed("systemd", "daemons.env.example"));
    const { config, warnings } = loadConfig({ file: deployPath("stellarindex.toml"), env });
    expect(warnings).toEqual([]);
    expect(() => refuseUnsharedStores(config)).not.toThrow();
    expect(config.aggregate.replicas).toBe("shared");
  });

  it("prune by the schedule that daemons of every deployment have", () => {
    const [{ data } = { data: {} }] = readYaml<{ data: Record<string, string> }>(
      readDeployed("kubernetes", "config.yaml"),
    );
    const written = [readDeployed("stellarindex.toml"), data["stellarindex.toml"] ?? ""];
    const schedules = written.map((text) => load(text).config.control.schedules);
    expect(schedules[0]).toMatchObject([{ name: "prune", kind: "retention.prune", cron: "17 3 * * *" }]);
    expect(schedules[1]).toEqual(schedules[0]);
  });

  it.each(["aggregator", "api", "control", "gateway", "worker", "deliver"])("load for the %s of Compose", (name) => {
    const [{ services } = { services: {} }] = readYaml<{
      services: Record<string, { environment: Record<string, string> }>;
    }>(readDeployed("docker", "docker-compose.yml"));
    const environment = Object.entries(services[name]?.environment ?? {});
    const env = Object.fromEntries(
      environment.map(([variable, value]) => [variable, value.replaceAll(/\$\{\w+:\?.*?\}/g, "abc")]),
    );
    const { config, warnings } = loadConfig({ file: deployPath("stellarindex.toml"), env });
    expect(warnings).toEqual([]);
    expect(() => refuseUnsharedStores(config)).not.toThrow();
    const { aggregate, api, control, gateway, deliver } = config;
    const listen = {
      aggregator: aggregate.ops_listen,
      api: api.ops_listen,
      control: control.ops_listen,
      gateway: gateway.ops_listen,
      deliver: deliver.ops_listen,
    }[name];
    if (name === "worker") expect(control.artifacts).toBe("/var/lib/stellarindex/artifacts");
    else expect(listen?.host).toBe("0.0.0.0");
  });
});
