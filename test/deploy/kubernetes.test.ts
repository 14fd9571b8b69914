import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { load } from "../../internal/config/config.testing.ts";
import { loadConfig } from "../../internal/config/load.ts";
import { parseListen } from "../../internal/config/sections/fields.ts";
import { packageRoot } from "../../internal/lib/package-root.ts";
import { deployPath, isThere, readDeployed, readYaml, run, usageOf } from "./tools.ts";

type Labels = Readonly<Record<string, string>>;
interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string }[];
  readonly envFrom: readonly { readonly secretRef: { readonly name: string } }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly livenessProbe?: { readonly httpGet: object };
  readonly readinessProbe?: { readonly httpGet: object };
}
interface PodSpec {
  readonly containers: readonly [Container];
  readonly volumes: readonly { readonly configMap?: { readonly name: string } }[];
}
interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Labels;
  readonly stringData?: Labels;
  // biome-ignore lint/suspicious/noExplicitAny: below, the compiler checks each manifest against the types of Kubernetes.
  readonly spec?: any;
}

const files = readdirSync(deployPath("kubernetes")).filter((file) => file !== "kustomization.yaml");
const manifests = files.flatMap((file) => readYaml<Manifest>(readDeployed("kubernetes", file)));
const ofKind = (...kinds: string[]) => manifests.filter(({ kind }) => kinds.includes(kind));
const named = (kind: string, name: string) => ofKind(kind).find(({ metadata }) => metadata.name === name);
const templateOf = ({ spec }: Manifest): { metadata: { labels: Labels }; spec: PodSpec } =>
  spec.template ?? spec.jobTemplate.spec.template;
const workloads = ofKind("Deployment", "StatefulSet", "Job", "CronJob").map((manifest) => ({
  name: manifest.metadata.name,
  ...templateOf(manifest),
}));
const hasKubectl = await isThere("kubectl", ["version", "--client"], "what kubectl kustomize says of the manifests");

const scratch = mkdtempSync(join(packageRoot(), "node_modules", ".manifests-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const MODULES: Readonly<Record<string, string>> = { v1: "core/v1", "networking.k8s.io/v1": "networking/v1" };

/** Returns the compiler's errors for the manifests as values of types generated from the Kubernetes API. */
async function compile(values: readonly Manifest[]): Promise<string> {
  const lines = values.map((value, index) => {
    const module = MODULES[value.apiVersion] ?? value.apiVersion;
    return `export const m${index}: import("kubernetes-types/${module}").${value.kind} = ${JSON.stringify(value)};\n`;
  });
  writeFileSync(join(scratch, "manifests.ts"), lines.join(""));
  const options = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
    "--ignoreConfig",
  ];
  const compiler = join(packageRoot(), "node_modules", "typescript", "bin", "tsc");
  const compiled = await run(process.execPath, [compiler, ...options, join(scratch, "manifests.ts")]);
  return `${compiled?.err}${compiled?.out}`;
}

describe("the manifests", () => {
  it("have only fields of the Kubernetes API, with the right types", async () => {
    expect(manifests.length).toBeGreaterThan(12);
    const page = readFileSync(join(packageRoot(), "docs", "collectors.md"), "utf8");
    const documented = [...page.matchAll(/^```yaml\n(.+?)^```$/gms)].flatMap(([, text = ""]) =>
      readYaml<Manifest>(text),
    );
    expect(documented.map(({ kind }) => kind)).toEqual(["NetworkPolicy"]);
    expect(await compile([...manifests, ...documented])).toBe("");
    const [deployment] = ofKind("Deployment") as [Manifest];
    expect(await compile([{ ...deployment, spec: { ...deployment.spec, replica: 2 } }])).toMatch(
      /"replica".* does not exist/,
    );
  });

  it("are all in the kustomization, except the example", () => {
    const [{ resources } = { resources: [] }] = readYaml<{ resources: string[] }>(
      readDeployed("kubernetes", "kustomization.yaml"),
    );
    expect([...resources].sort()).toEqual(files.filter((file) => !file.includes("example")).sort());
  });

  it.skipIf(!hasKubectl)("are built by kubectl, with one name for the image", async () => {
    const built = await run("kubectl", ["kustomize", deployPath("kubernetes")]);
    expect(built).toMatchObject({ status: 0, err: "" });
    const images = [...(built?.out ?? "").matchAll(/image: (.+)/g)].map(([, image]) => image);
    expect(images).toHaveLength(workloads.length);
    expect(new Set(images).size).toBe(1);
  });

  it.each(workloads)("$name meets the restricted Pod Security Standard, with a read-only file system", ({ spec }) => {
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
          resources: { requests: { memory: expect.anything() }, limits: { memory: expect.anything() } },
        },
      ],
    });
  });

  it.each(workloads)("$name runs an existing command with valid settings", async ({ spec }) => {
    const [{ args, env, envFrom, ports = [] }] = spec.containers;
    expect(await usageOf(args)).toMatch(`Usage: stellarindex ${args.join(" ").replace(/ --.*/, "")} `);
    const toml = named("ConfigMap", spec.volumes[0]?.configMap?.name ?? "")?.data?.["stellarindex.toml"];
    const file = join(scratch, "stellarindex.toml");
    writeFileSync(file, toml ?? "there is no such config map");
    const secrets = named("Secret", envFrom[0]?.secretRef.name ?? "")?.stringData;
    expect(env).toEqual([{ name: "STELLARINDEX_CONFIG", value: "/etc/stellarindex/stellarindex.toml" }]);
    const { config, warnings } = loadConfig({ file, env: { ...secrets } });
    expect(warnings).toEqual([]);
    expect(config.database.url).toContain("postgres://");
    const { aggregate, api, control, gateway, deliver } = config;
    const listens =
      {
        aggregator: [aggregate.ops_listen],
        api: [api.listen, api.ops_listen],
        control: [control.listen, control.ops_listen],
        gateway: [gateway.listen, gateway.ops_listen],
        deliver: [deliver.ops_listen],
        worker: args.flatMap((value, index) => (args[index - 1] === "--ops-listen" ? [parseListen(value)] : [])),
      }[args[0] ?? ""] ?? [];
    expect(ports.map(({ containerPort }) => ({ host: "0.0.0.0", port: containerPort }))).toEqual(listens);
  });

  it("give each gateway a volume of its own that holds the whole journal and outlives its pods", () => {
    const { gateway } = load(named("ConfigMap", "stellarindex")?.data?.["stellarindex.toml"] ?? "").config;
    const { spec } = named("StatefulSet", "gateway") as Manifest;
    const [{ metadata, spec: claim }] = spec.volumeClaimTemplates;
    const { securityContext, containers } = spec.template.spec;
    const { mountPath } = containers[0].volumeMounts.find(({ name }: { name: string }) => name === metadata.name);
    expect(gateway.journal.startsWith(`${mountPath}/`)).toBe(true);
    const [, gibibytes] = /^(\d+)Gi$/.exec(claim.resources.requests.storage) ?? [];
    expect(Number(gibibytes) * 2 ** 30).toBeGreaterThan(gateway.journal_max_mb * 1.1e6);
    expect(securityContext.fsGroup).toBe(securityContext.runAsGroup);
    expect(spec.persistentVolumeClaimRetentionPolicy).toEqual({ whenDeleted: "Retain", whenScaled: "Retain" });
    expect(named("Service", spec.serviceName)?.spec.clusterIP).toBe("None");
    const [{ ports }] = named("NetworkPolicy", "stellarindex")?.spec.ingress ?? [];
    expect(ports).toContainEqual({ port: named("Service", "gateway")?.spec.ports[0].targetPort });
  });

  it("select existing pods and ports", () => {
    for (const { kind, spec } of ofKind("Deployment", "StatefulSet", "Service", "PodDisruptionBudget")) {
      const selector: Labels = kind === "Service" ? spec.selector : spec.selector.matchLabels;
      const selected = workloads.filter(({ metadata }) =>
        Object.entries(selector).every(([label, value]) => metadata.labels[label] === value),
      );
      expect(selected).toHaveLength(1);
      const ports = selected[0]?.spec.containers[0].ports?.map(({ name }) => name);
      if (kind === "Service") for (const { targetPort } of spec.ports) expect(ports).toContain(targetPort);
    }
    const daemons = ofKind("Deployment", "StatefulSet");
    expect(daemons).toHaveLength(6);
    for (const { spec } of daemons.map(templateOf)) {
      const [{ livenessProbe, readinessProbe, ports }] = spec.containers;
      expect(livenessProbe?.httpGet).toEqual({ path: "/healthz", port: "ops" });
      expect(readinessProbe?.httpGet).toEqual({ path: "/readyz", port: "ops" });
      expect(ports?.map(({ name }) => name)).toContain("ops");
    }
  });
});
