import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../internal/lib/package-root.ts";

const documents = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(packageRoot(), "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];

test("no document starts a daemon through npx, which would not forward signals", () => {
  const texts = documents.map((file) => ({ file, text: readFileSync(join(packageRoot(), file), "utf8") }));
  expect(texts.filter(({ text }) => /npx (?:\S+ )*stellarindex (?:aggregator|api|start)\b/.test(text))).toEqual([]);
  const started = texts.filter(({ text }) => /node \S*stellarindex\.js (?:aggregator|api)\b/.test(text));
  expect(started.map(({ file }) => file)).toEqual(expect.arrayContaining(["README.md", "docs/operations.md"]));
});

test("every file and folder of the project that a document names exists", () => {
  const named = documents.flatMap((file) => {
    // For kubectl, deploy/NAME is a deployment.
    const text = readFileSync(join(packageRoot(), file), "utf8").replace(/.*\bkubectl\b.*/g, "");
    const paths =
      text.match(/\b(?<![\w/.-])(?:cmd|internal|migrations|sdk|test|bench|docs|deploy)\/[\w./-]*\w\/?/g) ?? [];
    return paths.map((path) => ({ file, path }));
  });
  expect(named.length).toBeGreaterThan(100);
  expect(named.filter(({ path }) => !existsSync(join(packageRoot(), path)))).toEqual([]);
});

test("the manual installation copies everything that the program reads at run time", () => {
  const text = readFileSync(join(packageRoot(), "docs/operations.md"), "utf8");
  const copied = /cp -r --parents (.+) \/opt\/stellarindex\//.exec(text)?.[1]?.split(" ") ?? [];
  const scripts = readdirSync(join(packageRoot(), "internal"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".lua"))
    .map((file) => `internal/${file}`);
  expect(scripts.length).toBeGreaterThan(0);
  for (const needed of ["package.json", "dist", "node_modules", "migrations", ...scripts]) {
    expect(
      copied.some((path) => needed === path || needed.startsWith(`${path}/`)),
      needed,
    ).toBe(true);
  }
});
