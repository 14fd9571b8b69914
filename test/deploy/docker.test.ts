import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join, resolve } from "node:path";
import { validate } from "dockerfile-utils";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../internal/lib/package-root.ts";
import { deployPath, isThere, readDeployed, readYaml, run, usageOf } from "./tools.ts";

const dockerfile = readDeployed("docker", "Dockerfile");
const composeFile = deployPath("docker", "docker-compose.yml");
const compose = readDeployed("docker", "docker-compose.yml");
const hasCompose = await isThere("docker-compose", ["version"], "what docker-compose says of docker-compose.yml");

interface Service {
  readonly image: string;
  readonly read_only?: boolean;
  readonly restart?: string;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: unknown;
  readonly build?: unknown;
}
const [{ services, volumes: named } = { services: {}, volumes: {} }] = readYaml<{
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
}>(compose);

describe("the image", () => {
  it("has a Dockerfile without errors and warnings of the builder", () => {
    expect(validate(dockerfile).map(({ message, range }) => `${range.start.line + 1}: ${message}`)).toEqual([]);
  });

  it("copies files that exist and that .dockerignore does not exclude", () => {
    const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names = ""]) =>
      names.split(" "),
    );
    expect(sources).toContain("migrations");
    const allowed = readFileSync(join(packageRoot(), ".dockerignore"), "utf8").split("\n");
    for (const source of sources) {
      expect(existsSync(join(packageRoot(), source)), source).toBe(true);
      const folders = source.split("/").map((_, index, names) => `!${names.slice(0, index + 1).join("/")}`);
      expect(
        allowed.some((line) => folders.includes(line)),
        source,
      ).toBe(true);
    }
  });

  it("has a pinned base and does not run as root", () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
    expect(new Set(bases).size).toBe(1);
    expect(bases[0]).toMatch(/^node:\d+\.\d+\.\d+-\w+-slim$/);
    expect(dockerfile).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
  });

  it("is healthy while any daemon answers", async () => {
    const [, command = "[]"] = /HEALTHCHECK[\s\S]*?CMD (\[.+\])$/m.exec(dockerfile) ?? [];
    const [program, flag, script] = JSON.parse(command) as [string, string, string];
    expect([program, flag]).toEqual(["node", "-e"]);
    const server = createServer((request, answer) => answer.writeHead(request.url === "/healthz" ? 200 : 404).end());
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const { port } = server.address() as AddressInfo;
    const check = (ports: string) =>
      run(process.execPath, [flag, script.replace("[9101, 9102, 9103, 9104, 9105, 9106]", ports)]);
    expect(await check(`[${port}, 1]`)).toMatchObject({ status: 0 });
    expect(await check(`[1, ${port}]`)).toMatchObject({ status: 0 });
    await new Promise((closed) => server.close(closed));
    expect(await check(`[${port}, 1]`)).toMatchObject({ status: 1 });
  });
});

describe("docker-compose.yml", () => {
  const passwords = [...readDeployed("docker", "env.example").matchAll(/^(\w+)=$/gm)].map(([, name = ""]) => name);
  const given = { PATH: process.env["PATH"], ...Object.fromEntries(passwords.map((name) => [name, "abc"])) };

  it.skipIf(!hasCompose)("is valid with the variables of env.example, and invalid without", async () => {
    const config = (env: NodeJS.ProcessEnv) => run("docker-compose", ["-f", composeFile, "config", "-q"], env);
    expect(await config(given)).toMatchObject({ status: 0, err: "" });
    expect(await config({ PATH: process.env["PATH"] })).toMatchObject({
      status: 1,
      err: expect.stringContaining("copy env.example to .env"),
    });
    const required = [...compose.matchAll(/\$\{(\w+):\?copy env\.example to \.env\}/g)].map(([, name]) => name);
    expect(new Set(required)).toEqual(new Set(passwords));
  });

  it.each(Object.entries(services))("%s is pinned and hardened, and its mounts exist", (_name, service) => {
    expect(service.image).toMatch(/:v?\d+\.\d+\.\d+/);
    expect(service).toMatchObject({
      read_only: true,
      restart: expect.stringMatching(/^(unless-stopped|no)$/),
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
    });
    for (const port of service.ports ?? []) expect(port).toMatch(/^\$\{BIND_ADDRESS:-127\.0\.0\.1\}:/);
    for (const volume of service.volumes ?? []) {
      const [source = ""] = volume.split(":");
      if (source.startsWith(".")) expect(existsSync(resolve(dirname(composeFile), source)), source).toBe(true);
      else expect(Object.keys(named)).toContain(source);
    }
    // One-off steps have no health check; services of the project's image have the image's.
    if (service.restart !== "no" && service.build === undefined) expect(service.healthcheck).toHaveProperty("test");
  });

  it("keeps the journal of the gateway on a volume of its own, and checks its health", () => {
    const { gateway, ...others } = services;
    const { STELLARINDEX_GATEWAY_JOURNAL: journal, STELLARINDEX_GATEWAY_OPS_LISTEN: ops } = gateway?.environment ?? {};
    const mounts = gateway?.volumes?.map((volume) => volume.split(":")) ?? [];
    const [volume = ""] = mounts.find(([, path = ""]) => journal?.startsWith(`${path}/`)) ?? [];
    expect(Object.keys(named)).toContain(volume);
    const shared = Object.values(others).flatMap(({ volumes = [] }) => volumes.map((mount) => mount.split(":")[0]));
    expect(shared).not.toContain(volume);
    expect(gateway).not.toHaveProperty("healthcheck");
    expect(dockerfile).toMatch(new RegExp(`HEALTHCHECK[^]*\\b${ops?.split(":")[1]}\\b`));
  });

  it("runs existing commands", async () => {
    const commands = Object.values(services).flatMap(({ build, command }) => (build && command ? [command] : []));
    expect(commands).toHaveLength(7);
    for (const command of commands) {
      const named = command.join(" ").replace(/ --.*/, "");
      expect(await usageOf(command)).toMatch(`Usage: stellarindex ${named} `);
    }
  });
});
