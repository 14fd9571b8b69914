import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import canonicalize from "canonicalize";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bucketEndingAt } from "../internal/canonical/bucket.ts";
import { formatTime, type Micros, parseTime, seconds } from "../internal/canonical/time.ts";
import { importFile } from "../internal/import/import-file.ts";
import { packageRoot } from "../internal/lib/package-root.ts";
import { countedSources } from "../internal/policy/class-filter.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type PolicySettings, policyDocument } from "../internal/policy/policy.ts";
import {
  openTestDatabase,
  type TestDatabase,
  type TestEngine,
  testEngines,
} from "../internal/storage/connection/database.testing.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { withSnapshot } from "../internal/storage/windows/snapshot.ts";
import { exampleBlocks, linesOf } from "./methodology-example.ts";
import { casesOf, enginesOf } from "./thoroughness.ts";

const DOCS = join(packageRoot(), "docs");
const PAGE = join(DOCS, "methodology.md");
const TRADES = join(DOCS, "methodology", "example.csv");
const CHECKER = join(DOCS, "methodology", "check.py");
/** A generated block of the page: its language, its name and its text. */
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

/** Returns the command line that makes the checker compute a bucket. */
function questionOf(policy: ReturnType<typeof makePolicy>, to: Micros, windowSeconds: number): string[] {
  const pairs = "crypto:XLM/fiat:USD,native/fiat:USD";
  const sources = (countedSources(policy) ?? []).join();
  const document = canonicalize(policyDocument(policy)) ?? "";
  return [CHECKER, TRADES, pairs, sources, formatTime(to), String(windowSeconds), document];
}

/** Runs the checker once and returns its answer. */
async function checked(question: readonly string[]): Promise<string[]> {
  const { stdout, stderr } = await run("python3", question).catch(
    (failure: { stdout: string; stderr: string }) => failure,
  );
  return `${stdout}${stderr}`.trimEnd().split("\n");
}

/** Runs the checker for each command line in one interpreter, whose start takes longer than an answer. */
const ASK_ALL = `
import contextlib, io, json, sys
questions = json.loads(sys.argv[1])
program = compile(open(questions[0][0]).read(), questions[0][0], "exec")
answers = []
for sys.argv in questions:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try: exec(program, {"__name__": "__main__"})
        except SystemExit as end: print(end)
    answers.append(out.getvalue().rstrip().split("\\n"))
print(json.dumps(answers))
`;

async function checkedAll(questions: readonly (readonly string[])[]): Promise<string[][]> {
  return JSON.parse((await run("python3", ["-c", ASK_ALL, JSON.stringify(questions)])).stdout);
}

describe.each(enginesOf(testEngines))("docs/methodology.md on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openExample(engine);
  });
  afterAll(() => database?.drop());

  it("shows the figures that the program computes", async () => {
    const blocks = await exampleBlocks(database);
    const page = readFileSync(PAGE, "utf8");
    const names = [...page.matchAll(BLOCK)].map(([, , name]) => name);
    expect(names).toEqual([...blocks.keys()]);
    const right = page.replace(
      BLOCK,
      (_, language, name) => `\`\`\`${language} ${name}\n${blocks.get(name)?.trimEnd()}\n\`\`\``,
    );
    // With -u, this writes the figures into the page.
    await expect(right).toMatchFileSnapshot(PAGE);
  });

  it("shows policy documents that hash to the ids in published values", async () => {
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
describe.skipIf(!hasPython).each(enginesOf(testEngines).slice(0, 1))("docs/methodology/check.py", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openExample(engine);
  });
  afterAll(() => database?.drop());

  it.each(casesOf(2, Object.keys(policies)))("computes the same values as the program under %s", async (name) => {
    const policy = makePolicy({ ...DEFAULT_POLICY_SETTINGS, ...policies[name] });
    const outcomes = new Set<string>();
    const questions: string[][] = [];
    const ours: string[][] = [];
    for (const [windowSeconds, first, step, count] of [
      [300, "2026-03-02T12:05:00Z", 300, 10],
      [90, "2026-03-02T12:06:15Z", 75, 4],
      [3600, "2026-03-02T07:00:00Z", 3600, 7],
      [86_400, "2026-03-02T13:00:00Z", 3600, 1],
    ] as const) {
      for (let index = 0; index < count; index++) {
        const to = parseTime(first) + seconds(index * step);
        const lines = await withSnapshot(database, (reader) =>
          linesOf(reader, policy, bucketEndingAt(to, windowSeconds)),
        );
        ours.push(lines);
        questions.push(questionOf(policy, to, windowSeconds));
        outcomes.add(lines.length === 2 ? "published" : (lines[0] ?? ""));
      }
    }
    expect(await checkedAll(questions)).toEqual(ours);
    expect(await checked(questions[0] ?? [])).toEqual(ours[0]);
    expect(outcomes).toContain("published");
    if (name === "the defaults") expect([...outcomes].sort()).toEqual(["below-floor", "empty", "guarded", "published"]);
  });
});
