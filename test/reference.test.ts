import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { apiPage } from "../docs/generate/api-page.ts";
import { GENERATED } from "../docs/generate/files.ts";
import { dedent } from "../docs/generate/text.ts";
import { openTestApi, unreachableDatabase } from "../internal/api/v1/api.testing.ts";
import { load } from "../internal/config/config.testing.ts";
import { CONFIG_DOCS } from "../internal/config/docs/docs.ts";
import { CONFIG_EXAMPLES } from "../internal/config/docs/examples.ts";
import { CONFIG_KEYS, namesAt } from "../internal/config/keys.ts";
import { packageRoot } from "../internal/lib/package-root.ts";

test.each(Object.entries(GENERATED))("%s is up to date with the code", async (path, make) => {
  const file = join(packageRoot(), path);
  const isUpToDate = existsSync(file) && readFileSync(file, "utf8") === (await make());
  expect(isUpToDate, `${path} is out of date: run \`npm run docs\` and commit what it writes`).toBe(true);
});

test("every configuration key has a description, and every description a key", () => {
  const keys = CONFIG_KEYS.map(({ dotted }) => dotted);
  const isKnown = (name: string) => keys.includes(name) || namesAt(name.split(".")).length > 0;
  expect(keys.filter((key) => !Object.hasOwn(CONFIG_DOCS, key))).toEqual([]);
  expect(Object.keys(CONFIG_DOCS).filter((name) => !isKnown(name))).toEqual([]);
  expect(Object.keys(CONFIG_EXAMPLES).filter((name) => !keys.includes(name))).toEqual([]);
});

test("the example file has lines of at most 120 characters", () => {
  const lines = readFileSync(join(packageRoot(), "config.example.toml"), "utf8").split("\n");
  expect(lines.filter((line) => [...line].length > 120)).toEqual([]);
});

test.each(Object.entries(CONFIG_EXAMPLES))("the example of %s loads", (name, example) => {
  const text = dedent(example);
  const document = text.startsWith("[[") ? text : `[${name}]\n${text}`;
  expect(load(document).origins.get(name)).toMatchObject({ from: "file" });
});

test("every declared metric is on the page", () => {
  const declared = sources(["internal", "cmd"]).flatMap((text) =>
    [...text.matchAll(/\bname: "(stellarindex_\w+)"/g)].map(([, name = ""]) => name),
  );
  const page = readFileSync(join(packageRoot(), "docs/reference/metrics/README.md"), "utf8");
  expect(declared.length).toBeGreaterThan(20);
  const missing = declared.filter((name) => !page.includes(`| \`${name}\` |`));
  expect(missing, "add what registers them to docs/generate/metrics.ts").toEqual([]);
});

/** The texts of all sources in the folders, without tests. */
function sources(folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(packageRoot(), folder), { recursive: true, encoding: "utf8" })
      .filter((file) => /(?<!\.test)\.ts$/.test(file))
      .map((file) => readFileSync(join(packageRoot(), folder, file), "utf8")),
  );
}

test("the example requests on the API page are valid", async () => {
  const page = await apiPage();
  const requests = [...page.matchAll(/^curl 'http:\/\/[^/]+(.*)'$/gm)].map(([, path = ""]) => path);
  expect(requests.length).toBeGreaterThan(5);
  const api = openTestApi({ database: unreachableDatabase() });
  api.at("2026-01-10T12:00:10Z");
  for (const path of requests) {
    const { status, text } = await api.get(path);
    expect([path, [200, 503].includes(status), text]).toEqual([path, true, text]);
  }
});
