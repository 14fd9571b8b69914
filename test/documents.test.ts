import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../internal/package/root.ts";

const documents = [
  "README.md",
  ...readdirSync(join(packageRoot(), "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];

test("no document starts a daemon through npx: it would not get its signals", () => {
  const texts = documents.map((file) => ({ file, text: readFileSync(join(packageRoot(), file), "utf8") }));
  expect(texts.filter(({ text }) => /npx (?:\S+ )*stellarindex (?:aggregator|api|start)\b/.test(text))).toEqual([]);
  const started = texts.filter(({ text }) => /node \S*stellarindex\.js (?:aggregator|api)\b/.test(text));
  expect(started.map(({ file }) => file)).toEqual(expect.arrayContaining(["README.md", "docs/operations.md"]));
});
