import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../internal/lib/package-root.ts";
import { blocksOf, daemonsOf, EXAMPLE, type Module, nested, readModules, type Table } from "./terraform.ts";

const modules = await readModules();
const example = modules.get(EXAMPLE) as Module;
const daemons = Object.entries(daemonsOf(example));

/** Policies may name all of something here only. */
const ALL_RESOURCES = { "task.execution LogInToRegistry": "the action takes no resource" };
const ALL_ACTIONS = { "archive.this OnlyEncrypted": "it denies" };

describe("rights", () => {
  const statements = blocksOf(modules, "aws_iam_policy_document").flatMap(({ module, name, body }) =>
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
    const attached = blocksOf(modules, "aws_iam_role_policy").map(({ body }) => body["policy"]);
    expect(attached).toEqual(
      attached.map(() => expect.stringMatching(/^\$\{data\.aws_iam_policy_document\.\w+\.json\}$/)),
    );
    expect(blocksOf(modules, "aws_iam_role_policy_attachment")).toEqual([]);
  });

  it("open no port to the internet but that of the load balancer", () => {
    const groups = [...modules.values()].flatMap(({ blocks }) =>
      blocks.filter(({ body }) => "ingress" in body || "egress" in body),
    );
    expect(groups).toEqual([]);
    const byAddress = blocksOf(modules, "aws_vpc_security_group_ingress_rule").filter(({ body }) =>
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
