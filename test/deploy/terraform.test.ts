import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../internal/lib/package-root.ts";
import {
  argumentsOf,
  EXAMPLE,
  formatted,
  type Module,
  readModules,
  readTerraform,
  terraformFiles,
} from "./terraform.ts";
import { deployPath, readDeployed } from "./tools.ts";

const modules = await readModules();
const example = modules.get(EXAMPLE) as Module;
const all = [...modules.values()];

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

  it("leads to files that exist", () => {
    const links = [...page.matchAll(/\]\((?!http|#)([^)#]+)/g)].map(([, link = ""]) => link);
    expect(links.length).toBeGreaterThan(20);
    expect(links.filter((link) => !existsSync(deployPath("terraform", "aws", link)))).toEqual([]);
  });

  it("has an example of variables that gives what is required", () => {
    const given = [...readDeployed("terraform", "aws", EXAMPLE, "terraform.tfvars.example").matchAll(/^(\w+)\s+=/gm)];
    const names = given.map(([, name = ""]) => name);
    expect(Object.keys(example.variables)).toEqual(expect.arrayContaining(names));
    const required = Object.entries(example.variables).filter(([, variable]) => !("default" in variable));
    expect(names).toEqual(expect.arrayContaining(required.map(([name]) => name)));
  });
});
