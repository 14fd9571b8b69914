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

const run = (command: string) =>
  runHere(["control", ...command.split(" ")], { STELLARINDEX_DATABASE_URL: database.url });
const act = (command: string) => run(`${command} --reason test`);
const rows = async (command: string) => {
  const { out } = await run(command);
  return out
    .trim()
    .split("\n")
    .map((line) => line.split(/ {2,}/).map((cell) => cell.trim()));
};
const DONE = { status: 0, out: "done\n", err: "" };

beforeAll(async () => {
  database = await openTestDatabase(engine as TestEngine);
});
afterAll(() => database?.drop());

describe("the commands of limits", () => {
  it("set and show those of sources and hosts", async () => {
    expect(await act("sources set kraken --max-concurrent 2")).toEqual(DONE);
    expect(await act("sources set binance --max-concurrent 1")).toEqual(DONE);
    expect(await run("sources --limit 1")).toEqual({
      status: 0,
      out: "SOURCE   MAX CONCURRENT  LEASED  PAUSED REASON\nbinance  1               0       -            \n",
      err: "there are more: --cursor binance\n",
    });
    expect(await act("sources remove binance")).toEqual(DONE);
    expect(await act("sources remove binance")).toEqual({ status: 1, out: "nothing changed\n", err: "" });
    expect(await act("throttles set api.example:443 --rate 2.5 --burst 10")).toEqual(DONE);
    expect((await rows("throttles"))[1]).toEqual(["api.example:443", "2.5", "2.5", "10", "10", "-"]);
  });

  it("pause, and set blackouts", async () => {
    await act("feeds declare kraken/XLM-EUR --kind test.fetch --start 2026-01-01T00:00:00Z");
    expect(await act("pauses pause feed kraken/XLM-EUR")).toEqual(DONE);
    expect((await rows("pauses"))[1]?.slice(0, 2)).toEqual(["feed", "kraken/XLM-EUR"]);
    const times = "--from 2026-01-01T00:00:00Z --until 2026-01-02T00:00:00Z";
    const { blackout_id: id } = JSON.parse((await act(`blackouts add ${times} --yes --json`)).out);
    expect(await act(`blackouts remove ${id}`)).toEqual(DONE);
  });

  it("pause a whole tenant, or redrive, with --yes only", async () => {
    expect(await act("tenant pause")).toMatchObject({ status: 1, err: expect.stringContaining("stops all work") });
    expect(await act("tenant pause --yes")).toEqual(DONE);
    expect((await run("tenant")).out).toContain("max_concurrent: -\nmax_per_day: -\nleased: 0\n");
    const redrive = "dead-letters redrive --kind fx.import";
    expect(await act(redrive)).toMatchObject({ status: 1, err: expect.stringContaining("this runs 0 jobs again") });
    expect((await act(`${redrive} --dry-run`)).out).toBe("matching: 0, redriven: 0\n");
  });

  it("are in the audit log, with the user who gave them", async () => {
    await act("tenant quota --max-concurrent 10 --max-per-day none --ticket OPS-1");
    const [head, entry] = await rows("audit --limit 1");
    expect(head?.slice(1)).toEqual(["AT", "ACTOR", "ACTION", "TARGET", "RESULT", "REASON", "TICKET"]);
    const result = '{"max_per_day":null,"max_concurrent":10}';
    expect(entry?.slice(2)).toEqual([expect.stringMatching(/^cli:./), "tenant.quota", "{}", result, "test", "OPS-1"]);
  });

  it("move jobs to another priority", async () => {
    const { job_id: id } = JSON.parse((await run("jobs submit rollups.verify --json")).out);
    expect(await act(`jobs prioritize ${id} --priority 0 --json`)).toMatchObject({
      out: `${JSON.stringify({ changed: [id], unchanged: [] })}\n`,
    });
  });

  it.each(
    casesOf<[string, RegExp]>(3, [
      ["sources set kraken --max-concurrent x --reason r", /--max-concurrent: "x" is not a whole number/],
      ["sources set KRAKEN --max-concurrent 1 --reason r", /source/],
      ["throttles set api.example --rate fast --burst 1 --reason r", /--rate: "fast" is not a number such as 2.5/],
      ["blackouts add --from today --until tomorrow --reason r", /--from: "today" is not a time/],
      ["dead-letters redrive --yes --reason r", /names neither kind, host nor reason/],
      ["pauses pause venue kraken --reason r", /Allowed choices are source, feed, run/],
      ["tenant pause --yes", /required option '--reason <text>' not specified/],
    ]),
  )("refuse %s as wrong usage, and say why", async (command, message) => {
    expect(await run(command)).toEqual({ status: 2, out: "", err: expect.stringMatching(message) });
  });
});
