import { describe, expect, it } from "vitest";
import { parsePair } from "../canonical/pair.ts";
import { formatTime, type Micros, parseTime } from "../canonical/time.ts";
import { type BackfillPlan, countEnds, endsInChunks } from "./plan.ts";

const plan = (details: Partial<BackfillPlan> = {}): BackfillPlan => ({
  pairs: [parsePair("XLM/USD")],
  windows: [300],
  from: parseTime("2026-03-01T10:00:00Z"),
  to: parseTime("2026-03-01T10:03:00Z"),
  everySeconds: 60,
  ...details,
});

const endsOf = (asked: BackfillPlan, after: Micros | null = null): string[] =>
  [...endsInChunks(asked, after)].flat().map((end) => formatTime(end).slice(11));

describe("the bucket ends of a plan", () => {
  it.each([
    ["the multiples of --every in (from, to]", {}, ["10:01:00Z", "10:02:00Z", "10:03:00Z"]],
    [
      "multiples for any from and to",
      { from: parseTime("2026-03-01T09:59:59.999999Z"), to: parseTime("2026-03-01T10:02:59.999999Z") },
      ["10:00:00Z", "10:01:00Z", "10:02:00Z"],
    ],
    ["counted from the epoch", { everySeconds: 90 }, ["10:01:30Z", "10:03:00Z"]],
    ["none", { to: parseTime("2026-03-01T10:00:59Z") }, []],
  ])("are %s", (_what, details, ends) => {
    expect(endsOf(plan(details))).toEqual(ends);
    expect(countEnds(plan(details), null)).toBe(ends.length);
  });

  it("continue after the last completed one", () => {
    const done = parseTime("2026-03-01T10:02:00Z");
    expect(endsOf(plan(), done)).toEqual(["10:03:00Z"]);
    expect(countEnds(plan(), done)).toBe(1);
    expect(countEnds(plan(), plan().to)).toBe(0);
  });

  it("are split into chunks of a maximum number of values, without splitting or repeating an end", () => {
    const long = plan({ to: parseTime("2026-05-01T00:00:00Z"), windows: [300, 3600, 86_400] });
    const chunks = [...endsInChunks(long, null)];
    const ends = chunks.flat();
    expect(chunks.length).toBeGreaterThan(2);
    expect(Math.max(...chunks.map(({ length }) => length * 3))).toBeLessThanOrEqual(40_000);
    expect(ends.length).toBe(countEnds(long, null));
    expect(new Set(ends).size).toBe(ends.length);
    expect(ends.at(-1)).toBe(long.to);
  });

  it("are returned one at a time if one has more values than a chunk", () => {
    const wide = plan({ pairs: Array.from({ length: 50_000 }, () => parsePair("XLM/USD")) });
    expect([...endsInChunks(wide, null)].map(({ length }) => length)).toEqual([1, 1, 1]);
  });
});
