import { describe, expect, it } from "vitest";
import { CONFIG_KEYS } from "../../internal/config/keys.ts";
import { loadConfig } from "../../internal/config/load.ts";
import { parseListen } from "../../internal/config/sections/fields.ts";
import { refuseUnsharedStores } from "../../internal/config/shared-stores.ts";
import { problemsIn } from "../metric-mentions.ts";
import {
  blocksOf,
  type Daemon,
  daemonsOf,
  EXAMPLE,
  type Module,
  readModules,
  readTerraform,
  textsIn,
} from "./terraform.ts";
import { deployPath, readDeployed, run, usageOf } from "./tools.ts";

const modules = await readModules();
const example = modules.get(EXAMPLE) as Module;
const daemons = Object.entries(daemonsOf(example));

describe("the daemons", () => {
  const placeholders = (values: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        value.replace(/^\$\{join\(.*\)\}$/, "10.40.0.0/20,10.40.16.0/20").replace(/\$\{.*?\}/g, "host"),
      ]),
    );
  const secretKeys = CONFIG_KEYS.filter(({ secret }) => secret !== null).map(({ variable }) => variable);

  it.each(daemons)("%s runs an existing command with valid settings", async (name, daemon) => {
    const urls = textsIn(example.locals["database_urls"] ?? null).join();
    expect(urls).toMatch(/postgres:\/\/stellarindex_\$\{role\}@/);
    expect(example.locals["settings"]).toMatchObject({ STELLARINDEX_DATABASE_TIMESCALEDB: "off" });
    const usage = await usageOf(daemon.command);
    expect(usage).toMatch(`Usage: stellarindex ${daemon.command[0]} `);
    const env = {
      ...(example.locals["settings"] as Readonly<Record<string, string>>),
      ...placeholders(daemon.environment),
      ...Object.fromEntries(
        Object.keys(daemon.secrets).map((variable) => [
          variable,
          variable.endsWith("_KEYS") ? "[]" : "rediss://u:p@host",
        ]),
      ),
      STELLARINDEX_DATABASE_URL: `postgres://stellarindex_${daemon.role}@host:5432/stellarindex?sslmode=verify-full`,
    };
    const { config, warnings } = loadConfig({ env });
    expect(warnings).toEqual([]);
    if (name === "api" || name === "aggregator") expect(() => refuseUnsharedStores(config)).not.toThrow();
    const { aggregate, api, control, deliver, gateway } = config;
    const listens =
      {
        aggregator: [aggregate.ops_listen],
        api: [api.listen, api.ops_listen],
        control: [control.listen, control.ops_listen],
        deliver: [deliver.ops_listen],
        gateway: [gateway.listen, gateway.ops_listen],
        worker: daemon.command.slice(2).map(parseListen),
      }[name] ?? [];
    const ports = [daemon.port, daemon.ops_port].filter((port) => port !== null);
    expect(ports.map((port) => ({ host: "0.0.0.0", port }))).toEqual(listens);
    const kept = { gateway: gateway.journal, worker: control.artifacts }[name];
    if (kept !== undefined) expect(kept).toMatch(/^\/var\/lib\/stellarindex\//);
  });

  it("get secrets from Secrets Manager alone", () => {
    for (const [, { environment, secrets }] of daemons) {
      expect(Object.keys(environment).filter((variable) => secretKeys.includes(variable))).toEqual([]);
      for (const arn of Object.values(secrets)) expect(arn).toMatch(/^\$\{module\.\w+\.\w+_arns?(\[.*\])?\}$/);
    }
    const { locals } = modules.get("task") as Module;
    expect(JSON.stringify(locals["main"])).toContain("valueFrom = arn");
  });

  it("prune by the schedule that other deployments have", () => {
    const { environment } = Object.fromEntries(daemons)["control"] as Daemon;
    const given = loadConfig({ env: environment }).config.control.schedules;
    expect(given).toEqual(loadConfig({ file: deployPath("stellarindex.toml"), env: {} }).config.control.schedules);
  });

  it("are reached where the load balancer and the firewall say", () => {
    const routes = example.calls["load_balancer"]?.["routes"] as unknown as Record<string, Daemon>;
    const flows = modules.get("firewall")?.locals["flows"] as unknown as {
      from: string;
      to: string;
      ports: number[];
    }[];
    const byName = Object.fromEntries(daemons);
    for (const [name, route] of Object.entries(routes)) {
      const { port, ops_port } = byName[name] as Daemon;
      expect(route).toMatchObject({ port, ops_port });
      expect(flows).toContainEqual({ from: "load-balancer", to: name, ports: [port, ops_port] });
    }
    for (const [name, { secrets }] of daemons) {
      const to = flows.filter(({ from }) => from === name).map((flow) => flow.to);
      expect(to).toContain("database");
      expect([name, to.includes("cache")]).toEqual([name, "STELLARINDEX_REDIS_URL" in secrets]);
    }
  });

  it("take trades at any time: the second gateway is like the first, in another zone, and replaced after it", () => {
    const { gateway_a: first, gateway_b: second } = example.calls;
    const renamed = JSON.stringify(first).replaceAll("gateway-a", "gateway-b").replace("zones[0]", "zones[1]");
    const { depends_on: after, ...others } = second ?? {};
    expect(others).toEqual({ ...JSON.parse(renamed), depends_on: undefined });
    expect(JSON.stringify(after)).toContain("module.gateway_a");
    expect(others).toMatchObject({ replace_in_place: true });
  });

  it("send metrics that exist", async () => {
    const { locals } = modules.get("observability") as Module;
    const named = [...textsIn(locals["cloudwatch_series"] ?? null), ...textsIn(locals["single"] ?? null)];
    expect(named.length).toBeGreaterThan(3);
    const scaled = textsIn(blocksOf(modules, "aws_cloudwatch_metric_alarm").map(({ body }) => body));
    const metrics = [...named, ...scaled].filter((text) => /^stellarindex_\w+$/.test(text));
    expect((await Promise.all(metrics.map((name) => problemsIn(name, "prose")))).flat()).toEqual([]);
    expect(metrics.filter((name) => !(locals["cloudwatch_series"] as readonly string[]).includes(name))).toEqual([]);
  });
});

describe("the tasks that run once", () => {
  it("have the passwords that their scripts read, and no other variable", () => {
    const once = readTerraform("example/once.tf");
    const readBy = (script: string) =>
      [...readDeployed("postgresql", script).matchAll(/^\\getenv \w+ (\w+)$/gm)].map(([, name]) => name).sort();
    const given = [...once.matchAll(/\b([A-Z]+_PASSWORD)\s+=/g)].map(([, name]) => name).sort();
    expect(given).toEqual([...readBy("owner.sql"), ...readBy("rights.sql")].sort());
    expect(once).toContain('["migrate", "up"]');
  });

  it("are started by a script that bash accepts", async () => {
    expect(await run("bash", ["-n", deployPath("terraform", "aws", "run-task.sh")])).toMatchObject({
      status: 0,
      err: "",
    });
  });
});
