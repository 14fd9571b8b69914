import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CONFIG_KEYS } from "../../internal/config/keys.ts";
import { loadConfig } from "../../internal/config/load.ts";
import { parseListen } from "../../internal/config/sections/fields.ts";
import { refuseUnsharedStores } from "../../internal/config/shared-stores.ts";
import { packageRoot } from "../../internal/lib/package-root.ts";
import { problemsIn } from "../metric-mentions.ts";
import {
  argumentsOf,
  type Block,
  EXAMPLE,
  formatted,
  type Module,
  nested,
  readModules,
  readTerraform,
  type Table,
  terraformFiles,
  textsIn,
} from "./terraform.ts";
import { deployPath, readDeployed, run, usageOf } from "./tools.ts";

const modules = await readModules();
const example = modules.get(EXAMPLE) as Module;
const all = [...modules.values()];
const blocksOf = (type: string): (Block & { module: string })[] =>
  all.flatMap(({ name: module, blocks }) =>
    blocks.filter((block) => block.type === type).map((block) => ({ ...block, module })),
  );

interface Daemon {
  readonly command: readonly string[];
  readonly role: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly port: number | null;
  readonly ops_port: number;
}
const daemons = Object.entries(example.locals["daemons"] as unknown as Record<string, Daemon>);

/** Commands that come with a later version; their services do not run by default. */
const COMING = ["deliver"];

/** Policies may name all of something here only. */
const ALL_RESOURCES = { "task.execution LogInToRegistry": "the action takes no resource" };
const ALL_ACTIONS = { "archive.this OnlyEncrypted": "it denies" };

describe("the Terraform files", () => {
  it.each(terraformFiles())("%s is formatted", async (file) => {
    expect(await formatted(file)).toBe(readTerraform(file));
  });

  it("have only arguments that the providers know", () => {
    const listed = readFileSync(join(packageRoot(), "test", "deploy", "aws-arguments.txt"), "utf8");
    const known = new Map(
      [...listed.matchAll(/^(\w+ \w+): (.+)$/gm)].map(([, key, names]) => [key, names?.split(" ")]),
    );
    const unknown = all.flatMap(({ name: module, blocks }) =>
      blocks.flatMap(({ kind, type, name, body }) =>
        argumentsOf(body)
          .filter((argument) => !known.get(`${kind} ${type}`)?.includes(argument))
          .map((argument) => `${module}: ${type}.${name}.${argument}`),
      ),
    );
    expect(unknown).toEqual([]);
    expect(all.flatMap(({ blocks }) => blocks).length).toBeGreaterThan(80);
  });

  it.each(all)(
    "$name describes its variables and outputs, and uses the former and its locals",
    ({ variables, outputs, locals, references }) => {
      for (const [name, { description, type }] of Object.entries(variables)) {
        expect([name, description, type]).toEqual([name, expect.stringMatching(/^[A-Z].*\.$/s), expect.anything()]);
        expect(references).toContain(`var.${name}`);
      }
      for (const name of Object.keys(locals)) expect(references).toContain(`local.${name}`);
      for (const [name, { description }] of Object.entries(outputs)) {
        expect([name, description]).toEqual([name, expect.stringMatching(/\.$/)]);
      }
    },
  );

  it.each(all)("$name refers to what exists", (module) => {
    expect([...module.references].filter((reference) => !isThere(module, reference))).toEqual([]);
    expect(module.references.size).toBeGreaterThan(1);
  });

  it.each(all)("$name gives the modules that it calls all that they need, and nothing else", ({ calls }) => {
    for (const [name, { source, count, for_each, depends_on, ...given }] of Object.entries(calls)) {
      const called = modules.get(String(source).replace("../modules/", ""));
      const needed = Object.entries(called?.variables ?? {}).filter(([, variable]) => !("default" in variable));
      expect([name, Object.keys(given).sort()]).toEqual([name, needed.map(([each]) => each).sort()]);
    }
  });

  it("use every module, and every output of it", () => {
    const used = Object.values(example.calls).map(({ source }) => String(source).replace("../modules/", ""));
    expect(new Set([...used, EXAMPLE])).toEqual(new Set(modules.keys()));
    const source = terraformFiles()
      .filter((file) => file.startsWith(`${EXAMPLE}/`))
      .map(readTerraform)
      .join("\n");
    for (const [call, { source: path }] of Object.entries(example.calls)) {
      for (const output of Object.keys(modules.get(String(path).replace("../modules/", ""))?.outputs ?? {})) {
        const isKnownOnlyInside =
          call.startsWith("gateway_") || call === "service" || call === "task" || call === "once";
        if (!isKnownOnlyInside) expect(source).toContain(`module.${call}.${output}`);
      }
    }
  });
});

/** Whether a reference leads to something of the module, or of one that it calls. */
function isThere({ variables, locals, calls, blocks }: Module, reference: string): boolean {
  const [first = "", second = "", third = ""] = reference.split(".");
  switch (first) {
    case "var":
      return second in variables;
    case "local":
      return second in locals;
    case "module": {
      const called = modules.get(String(calls[second]?.["source"]).replace("../modules/", ""));
      return called !== undefined && (third === "" || third in called.outputs);
    }
    case "data":
    case "ephemeral":
      return blocks.some(({ kind, type, name }) => kind === first && type === second && name === third);
    default:
      return blocks.some(({ kind, type, name }) => kind === "resource" && type === first && name === second);
  }
}

describe("rights", () => {
  const statements = blocksOf("aws_iam_policy_document").flatMap(({ module, name, body }) =>
    nested(body, "statement").map((statement) => ({ name: `${module}.${name} ${statement["sid"]}`, ...statement })),
  ) as unknown as (Table & { name: string; actions: string[]; resources?: string[] | string })[];

  it("name each action and each resource", () => {
    expect(statements.length).toBeGreaterThan(10);
    const wide = (values: readonly string[] | string = []) => [values].flat().some((value) => value.includes("*"));
    const names = (found: typeof statements) => found.map(({ name }) => name);
    expect(names(statements.filter(({ actions }) => wide(actions)))).toEqual(Object.keys(ALL_ACTIONS));
    expect(names(statements.filter(({ resources }) => [resources].flat().includes("*")))).toEqual(
      Object.keys(ALL_RESOURCES),
    );
  });

  it("are given in no other way than by these documents", () => {
    const attached = blocksOf("aws_iam_role_policy").map(({ body }) => body["policy"]);
    expect(attached).toEqual(
      attached.map(() => expect.stringMatching(/^\$\{data\.aws_iam_policy_document\.\w+\.json\}$/)),
    );
    expect(blocksOf("aws_iam_role_policy_attachment")).toEqual([]);
  });

  it("open no port to the internet but that of the load balancer", () => {
    const groups = all.flatMap(({ blocks }) => blocks.filter(({ body }) => "ingress" in body || "egress" in body));
    expect(groups).toEqual([]);
    const byAddress = blocksOf("aws_vpc_security_group_ingress_rule").filter(({ body }) =>
      Object.keys(body).some((argument) => argument.startsWith("cidr_") || argument === "prefix_list_id"),
    );
    expect(byAddress.map(({ body }) => body)).toEqual([
      expect.objectContaining({
        security_group_id: expect.stringMatching(/^\$\{aws_security_group\.this\["load-balancer"\]\.id\}$/),
        from_port: 443,
        to_port: 443,
      }),
    ]);
  });

  it("let daemons reach the internet only where they call others", () => {
    const { locals } = modules.get("firewall") as Module;
    expect(locals["internet"]).toEqual(["aggregator", "deliver", "worker"]);
    expect(locals["tasks"]).toEqual(expect.arrayContaining([...daemons.map(([name]) => name), "once"]));
  });

  it("of Redis are those that docs/redis.md lists", () => {
    const page = readFileSync(join(packageRoot(), "docs", "redis.md"), "utf8");
    const [, documented = ""] = /^ACL SETUSER .* &stellarindex:\* (\+.+)$/m.exec(page) ?? [];
    expect(modules.get("cache")?.locals["commands"]).toBe(documented);
  });
});

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
    if (COMING.includes(name)) {
      // Once the command exists: remove it from COMING, and give the daemon its ops_listen and its role.
      expect(usage).not.toMatch(`Usage: stellarindex ${name} `);
      return;
    }
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
    const { aggregate, api, control, gateway } = config;
    const listens =
      {
        aggregator: [aggregate.ops_listen],
        api: [api.listen, api.ops_listen],
        control: [control.listen, control.ops_listen],
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

  it("send metrics that exist", async () => {
    const { locals } = modules.get("observability") as Module;
    const named = [...textsIn(locals["cloudwatch_series"] ?? null), ...textsIn(locals["single"] ?? null)];
    expect(named.length).toBeGreaterThan(3);
    const scaled = textsIn(blocksOf("aws_cloudwatch_metric_alarm").map(({ body }) => body));
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

describe("the README", () => {
  const page = readDeployed("terraform", "aws", "README.md");
  const rows = ({ variables }: Module) =>
    Object.entries(variables).map(([name, { description, default: value }]) => {
      const shown = value === undefined ? "required" : `\`${JSON.stringify(value)}\``;
      return `| \`${name}\` | ${String(description).replaceAll("\n", " ")} | ${shown} |`;
    });

  it("has a row for every variable of the example, and for every module", () => {
    const table = page.split("\n").filter((line) => line.startsWith("| `"));
    expect(table).toEqual(expect.arrayContaining(rows(example)));
    for (const name of modules.keys())
      if (name !== EXAMPLE) expect(page).toContain(`| [\`${name}\`](modules/${name}) |`);
  });

  it("has an example of variables that gives what is required", () => {
    const given = [...readDeployed("terraform", "aws", EXAMPLE, "terraform.tfvars.example").matchAll(/^(\w+)\s+=/gm)];
    const names = given.map(([, name = ""]) => name);
    expect(Object.keys(example.variables)).toEqual(expect.arrayContaining(names));
    const required = Object.entries(example.variables).filter(([, variable]) => !("default" in variable));
    expect(names).toEqual(expect.arrayContaining(required.map(([name]) => name)));
  });
});
