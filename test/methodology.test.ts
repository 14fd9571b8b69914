import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import canonicalize from "canonicalize";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { countedSources } from "../internal/aggregate/class-filter.ts";
import {
  DEFAULT_POLICY_SETTINGS,
  makePolicy,
  type PolicySettings,
  policyDocument,
} from "../internal/aggregate/policy.ts";
import { bucketEndingAt } from "../internal/canonical/bucket.ts";
import { formatTime, parseTime, seconds } from "../internal/canonical/time.ts";
import { importFile } from "../internal/import/import-file.ts";
import { packageRoot } from "../internal/package/root.ts";
import {
  openTestDatabase,
  type TestDatabase,
  type TestEngine,
  testEngines,
} from "../internal/storage/database.testing.ts";
import { withSnapshot } from "../internal/storage/snapshot.ts";
import { writeTrades } from "../internal/storage/trades.ts";
import { exampleBlocks, linesOf } from "./methodology-example.ts";

const DOCS = join(packageRoot(), "docs");
const PAGE = join(DOCS, "methodology.md");
const TRADES = join(DOCS, "methodology", "example.csv");
const CHECKER = join(DOCS, "methodology", "check.py");
/** A block of the page whose text the program makes: its language, its name and the text. */
const BLOCK = /^```(text|json) ([a-z-]+)\n([\s\S]*?)^```$/gm;

const run = promisify(execFile);
const hasPython = await run("python3", ["--version"]).then(
  () => true,
  () => false,
);
if (!hasPython) console.log("left out: the checker of docs/methodology, because there is no python3");

/** A database with the trades of the example. */
async function openExample(engine: TestEngine): Promise<TestDatabase> {
  const database = await openTestDatabase(engine);
  const result = await importFile(TRADES, { write: (rows) => writeTrades(database, rows) });
  expect(result).toMatchObject({ new: 64, bad: 0, end: { kind: "complete" } });
  return database;
}

/** The checker's word on a bucket. */
async function checked(policy: ReturnType<typeof makePolicy>, to: string, windowSeconds: number): Promise<string[]> {
  const pairs = "crypto:XLM/fiat:USD,native/fiat:USD";
  const sources = (countedSources(policy) ?? []).join();
  const document = canonicalize(policyDocument(policy)) ?? "";
  const question = [CHECKER, TRADES, pairs, sources, to, String(windowSeconds), document];
  const { stdout, stderr } = await run("python3", question).catch(
    (failure: { stdout: string; stderr: string }) => failure,
  );
  return `${stdout}${stderr}`.trimEnd().split("\n");
}

describe.each(testEngines)("docs/methodology.md on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openExample(engine);
  });
  afterAll(() => database?.drop());

  it("shows the figures that the program gives", async () => {
    const blocks = await exampleBlocks(database);
    const page = readFileSync(PAGE, "utf8");
    const names = [...page.matchAll(BLOCK)].map(([, , name]) => name);
    expect(names).toEqual([...blocks.keys()]);
    const right = page.replace(
      BLOCK,
      (_, language, name) => `\`\`\`${language} ${name}\n${blocks.get(name)?.trimEnd()}\n\`\`\``,
    );
    // Run with -u, this writes the figures into the page.
    await expect(right).toMatchFileSnapshot(PAGE);
  });

  it("hashes its policy documents to the ids that values carry", async () => {
    const lines = (await exampleBlocks(database)).get("policies")?.split("\n") ?? [];
    for (let line = 0; line < lines.length; line += 2) {
      const digest = createHash("sha256")
        .update(lines[line] ?? "")
        .digest("hex");
      expect(lines[line + 1]).toBe(digest.slice(0, 12));
    }
  });
});

const policies: Record<string, Partial<PolicySettings>> = {
  "the defaults": {},
  "no guard and no floor": { guard_factor: 0, min_usd_volume: 0 },
  "three sources": { min_sources: 3, venue_deviation_pct: 20 },
  "no weighted rule": { outlier_max_dropped_share: 1, outlier_sigma_threshold: 3, min_usd_volume: 0.1 },
  "a close guard": { guard_factor: 1.001, guard_confirmations: 3, min_usd_volume: 1000, twap_carry_seconds: 60 },
};
describe.skipIf(!hasPython).each(testEngines.slice(0, 1))("docs/methodology/check.py", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openExample(engine);
  });
  afterAll(() => database?.drop());

  it.each(Object.keys(policies))("derives what the program does under %s", async (name) => {
    const policy = makePolicy({ ...DEFAULT_POLICY_SETTINGS, ...policies[name] });
    const outcomes = new Set<string>();
    for (const [windowSeconds, first, step, count] of [
      [300, "2026-03-02T12:05:00Z", 300, 10],
      [90, "2026-03-02T12:06:15Z", 75, 4],
      [3600, "2026-03-02T07:00:00Z", 3600, 7],
      [86_400, "2026-03-02T13:00:00Z", 3600, 1],
    ] as const) {
      for (let index = 0; index < count; index++) {
        const to = parseTime(first) + seconds(index * step);
        const ours = await withSnapshot(database, (reader) =>
          linesOf(reader, policy, bucketEndingAt(to, windowSeconds)),
        );
        expect(await checked(policy, formatTime(to), windowSeconds)).toEqual(ours);
        outcomes.add(ours.length === 2 ? "published" : (ours[0] ?? ""));
      }
    }
    expect(outcomes).toContain("published");
    if (name === "the defaults") expect([...outcomes].sort()).toEqual(["below-floor", "empty", "guarded", "published"]);
  });
});
