import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  openTestDatabase,
  type TestDatabase,
  type TestEngine,
  testEngines,
} from "../internal/storage/connection/database.testing.ts";
import { runHere } from "../test/program.ts";
import { casesOf, enginesOf } from "../test/thoroughness.ts";

const [engine] = enginesOf(testEngines);
let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase(engine as TestEngine);
});
afterAll(() => database?.drop());

const run = (...args: string[]) => runHere(["control", ...args], { STELLARINDEX_DATABASE_URL: database.url });
const words = (command: string) => command.split(" ");
const REASON = ["--reason", "a test"];
const RANGE = words("--from 2026-01-01T00:00:00Z --to 2026-01-01T03:00:00Z");

describe("control", () => {
  it("declares feeds, previews and makes a backfill, and shows, cancels and retries its run", async () => {
    const feed = "kraken:XLM-USD";
    expect((await run("feeds")).out).toBe("no feeds\n");
    const declared = await run(
      ...words(`feeds declare ${feed} --kind trades.fetch --source kraken --start 2026-01-01T00:00:00Z`),
      ...REASON,
    );
    expect(declared).toMatchObject({ status: 0, err: "" });
    const covered = words(`feeds cover ${feed} --from 2026-01-01T01:00:00Z --to 2026-01-01T02:00:00Z`);
    expect((await run(...covered)).out).toBe("watermark: 2026-01-01T02:00:00Z\n");
    expect((await run("feeds", "show", feed)).out).toContain(
      'gaps: {"from":"2026-01-01T00:00:00Z","to":"2026-01-01T01:00:00Z"}\n',
    );
    expect((await run("feeds")).out.split("\n")[1]).toMatch(
      /^kraken:XLM-USD +trades.fetch +kraken .*2026-01-01T02:00:00Z *$/,
    );
    const backfill = ["backfill", "--feed", feed, ...RANGE, "--chunk", "30m"];
    expect((await run(...backfill, "--gaps")).out).toBe(
      "4 windows, 4 tokens of the host, duration at the present rates: unknown: no job of the kind has succeeded yet\n" +
        "nothing was made; --yes makes the run\n",
    );
    expect(await run(...backfill, "--yes")).toMatchObject({ status: 2, err: expect.stringContaining("--reason") });
    const made = JSON.parse((await run(...backfill, "--yes", "--json", ...REASON)).out);
    expect(made).toMatchObject({ windows: 6, new_jobs: 6 });
    expect((await run("runs")).out.split("\n")[1]).toMatch(/trades.fetch .* running +0\/6 *$/);
    expect((await run("runs", "cancel", made.run_id, ...REASON)).out).toBe("changed_jobs: 6\n");
    expect((await run("runs", "show", made.run_id)).out).toContain("state: cancelled\n");
    expect((await run("runs", "retry", made.run_id, ...REASON)).out).toBe("changed_jobs: 6\n");
    const windows = (await run("runs", "windows", made.run_id, "--cursor", "2026-01-01T02:00:00Z")).out
      .trim()
      .split("\n");
    expect(windows.slice(1)).toEqual([expect.stringMatching(/^2026-01-01T02:30:00Z .* ready *$/)]);
    expect((await run("feeds", "remove", feed, ...REASON)).out).toBe("removed: true\n");
    expect((await run("artifacts")).out).toBe("no artifacts\n");
  });

  it("stores, pauses, resumes and removes schedules", async () => {
    const set = ["schedules", "set", "nightly", "--kind", "retention.prune", "--cron", "15 4 * * *", ...REASON];
    expect((await run(...set)).out).toContain("name: nightly\n");
    expect((await run("schedules")).out.split("\n")[1]).toMatch(/^nightly +retention.prune +15 4 \* \* \* +UTC /);
    for (const verb of ["pause", "resume", "remove"]) {
      expect((await run("schedules", verb, "nightly", ...REASON)).out).toBe("changed: true\n");
    }
    expect((await run("schedules")).out).toBe("no schedules\n");
  });

  const refused: [string[], number, string][] = [
    [["feeds", "show", "x"], 1, "there is no feed x"],
    [["feeds", "declare", "X", "--kind", "a", "--start", "2026-01-01T00:00:00Z", ...REASON], 2, "feed"],
    [["backfill", "--kind", "a", ...RANGE], 1, "name a feed or a chunk"],
    [["backfill", "--kind", "a", ...RANGE, "--payload", "[]"], 2, "--payload: [] is no JSON object"],
    [["runs", "show", "x"], 2, '<id>: "x" is no id'],
    [["schedules", "set", "s", "--kind", "a", "--cron", "99 * * * *", ...REASON], 1, "is invalid"],
  ];
  it.each(casesOf(2, refused))("refuses %j", async (args, status, message) => {
    expect(await run(...args)).toMatchObject({ status, err: expect.stringContaining(message) });
  });
});
