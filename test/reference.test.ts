import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { GENERATED } from "../docs/generate/files.ts";
import { dedent } from "../docs/generate/text.ts";
import { load } from "../internal/config/config.testing.ts";
import { CONFIG_DOCS } from "../internal/config/docs/docs.ts";
import { CONFIG_EXAMPLES } from "../internal/config/docs/examples.ts";
import { CONFIG_KEYS, namesAt } from "../internal/config/keys.ts";
import { packageRoot } from "../internal/package/root.ts";

test.each(Object.entries(GENERATED))("%s is what the code makes of it", async (path, make) => {
  const file = join(packageRoot(), path);
  const isUpToDate = existsSync(file) && readFileSync(file, "utf8") === (await make());
  expect(isUpToDate, `${path} is out of date: run \`npm run docs\` and commit what it writes`).toBe(true);
});

test("every key of the configuration has its prose, and no prose is without its key", () => {
  const keys = CONFIG_KEYS.map(({ dotted }) => dotted);
  const isKnown = (name: string) => keys.includes(name) || namesAt(name.split(".")).length > 0;
  expect(keys.filter((key) => !Object.hasOwn(CONFIG_DOCS, key))).toEqual([]);
  expect(Object.keys(CONFIG_DOCS).filter((name) => !isKnown(name))).toEqual([]);
  expect(Object.keys(CONFIG_EXAMPLES).filter((name) => !keys.includes(name))).toEqual([]);
});

test("the example file is no wider than 120 characters", () => {
  const lines = readFileSync(join(packageRoot(), "config.example.toml"), "utf8").split("\n");
  expect(lines.filter((line) => [...line].length > 120)).toEqual([]);
});

test.each(Object.entries(CONFIG_EXAMPLES))("the example of %s loads", (name, example) => {
  const text = dedent(example);
  const document = text.startsWith("[[") ? text : `[${name}]\n${text}`;
  expect(load(document).origins.get(name)).toMatchObject({ from: "file" });
});
