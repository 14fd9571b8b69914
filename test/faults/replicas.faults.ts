import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ceilTo, formatTime, type Micros, parseTime, seconds } from "../../internal/canonical/time.ts";
import type { RunningProgram } from "../program.ts";
import { count } from "./figures.ts";
import { boundaryName } from "./judge.ts";
import { expectNothingWrong, expectRecovered, expectUp, fault, nowMicros, ticksOf } from "./recovery.ts";
import { canMakeWorld, INTERVAL_SECONDS, makeWorld, type World } from "./world.ts";

const INTERVAL = seconds(INTERVAL_SECONDS);
/** The number of boundaries that are checked in each state. */
const STEADY_BOUNDARIES = 3;
const TIMEOUT = { timeout: 60_000, interval: 100 };

describe.skipIf(!canMakeWorld("aggregators that share the targets"))("aggregators that share the targets", () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld({
      aggregators: 2,
      hasApi: false,
      environment: {
        STELLARINDEX_AGGREGATE_REPLICAS: "shared",
        STELLARINDEX_AGGREGATE_PAIRS: "XLM/USD,BTC/USD,XLM/BTC,BTC/XLM",
      },
    });
  });
  afterAll(() => world?.end());

  const forgiven = new Set<string>();
  const newest = (): RunningProgram => world.aggregators.at(-1) as RunningProgram;

  it("publish each boundary of each target once", async () => {
    const start = nowMicros();
    await expectRecovered(world, start);
    await expectOnce(start + 2n * INTERVAL, world.aggregators);
  });

  it("publish each boundary once while another one joins and takes its share", async () => {
    const start = nowMicros();
    await world.startAggregator();
    await expectRecovered(world, start);
    await expectOnce(start, world.aggregators);
    await vi.waitUntil(() => ticksOf(newest(), "").some(({ written }) => written > 0), TIMEOUT);
  });

  it("take over the targets of a killed one (SIGKILL) within two intervals", async () => {
    const died = await fault(() => end("SIGKILL"));
    await expectRecovered(world, died);
    await expectOnce(died + 2n * INTERVAL, world.aggregators);
  });

  it("take over the targets of one that shuts down (SIGTERM) immediately", async () => {
    await world.startAggregator();
    await expectRecovered(world, nowMicros());
    const start = nowMicros();
    await fault(() => end("SIGTERM"));
    await expectRecovered(world, start);
    await expectOnce(start, world.aggregators);
  });

  it("take over the targets of a frozen one (SIGSTOP) within two intervals, and it writes nothing older when it resumes", async () => {
    const [frozen, other] = world.aggregators as [RunningProgram, RunningProgram];
    const start = nowMicros();
    frozen.process.kill("SIGSTOP");
    const replaced = start + 2n * INTERVAL;
    await waitForTick(other, ceilTo(replaced, INTERVAL) + BigInt(STEADY_BOUNDARIES) * INTERVAL);
    await expectOnce(replaced, [other]);
    await fault(async () => frozen.process.kill("SIGCONT"));
    const thawed = nowMicros();
    await expectRecovered(world, thawed);
    await expectOnce(thawed + 2n * INTERVAL, world.aggregators);
    await expectNothingWrong(world);
  });

  it("miss no boundary if one is repeatedly frozen for less than a lease", async () => {
    const [frozen] = world.aggregators as [RunningProgram, ...RunningProgram[]];
    const faultEnd = await fault(async () => {
      for (let freeze = 0; freeze < 8; freeze++) {
        frozen.process.kill("SIGSTOP");
        await pause(INTERVAL_SECONDS * 300);
        frozen.process.kill("SIGCONT");
        await pause(INTERVAL_SECONDS * 100);
      }
    });
    await expectRecovered(world, faultEnd);
    await expectOnce(faultEnd + 2n * INTERVAL, world.aggregators);
  });

  it("recover if the leases in Redis are deleted", async () => {
    const faultEnd = await fault(() => world.redisCommand("DEL", "replicas:members", "replicas:leases"));
    await expectRecovered(world, faultEnd);
    // The record of who has published the current boundary is deleted with them.
    for (const name of repeated()) forgiven.add(name);
    await expectOnce(faultEnd + 2n * INTERVAL, world.aggregators);
  });

  it("leave all targets to the last one if all others are killed", async () => {
    const died = await fault(async () => {
      while (world.aggregators.length > 1) await end("SIGKILL");
    });
    await expectRecovered(world, died);
    await expectOnce(died + 2n * INTERVAL, world.aggregators);
  });

  /** Ends the newest aggregator. */
  async function end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const program = world.aggregators.pop();
    expect(await program?.stop(signal)).toBe(signal === "SIGKILL" ? null : 0);
    expect(program?.errors()).toBe("");
    count("kills");
  }

  /** Returns the boundaries that were announced twice, among all announcements. */
  function expectNoneTwice(): void {
    const twice = repeated().filter((name) => !forgiven.has(name));
    count("duplicates", twice.length);
    expect(twice).toEqual([]);
  }

  function repeated(): string[] {
    return [...world.observer.announced].flatMap(([name, times]) => (times > 1 ? name : []));
  }

  /**
   * Waits for some boundaries after `from`, and checks that each target was announced exactly once at each of them.
   * @param witnesses the aggregators that ran all the time; the machine was too busy for boundaries that they skipped
   */
  async function expectOnce(from: Micros, witnesses: readonly RunningProgram[]): Promise<void> {
    const first = ceilTo(from, INTERVAL);
    const last = first + BigInt(STEADY_BOUNDARIES) * INTERVAL;
    for (const witness of witnesses) await waitForTick(witness, last);
    expectUp(world);
    const skipped = skippedBy(witnesses);
    const missed: string[] = [];
    for (let to = first; to < last; to += INTERVAL) {
      for (const { pair, windowSeconds } of world.targets) {
        const name = boundaryName(pair, windowSeconds, to);
        const wasPublished = world.observer.announced.has(name);
        const isSkipped = !wasPublished && skipped.has(formatTime(to));
        count(wasPublished ? "published" : isSkipped ? "skippedTicks" : "missed");
        if (!wasPublished && !isSkipped) missed.push(name);
      }
    }
    expect(missed).toEqual([]);
    expectNoneTwice();
  }
});

async function waitForTick(program: RunningProgram, to: Micros): Promise<void> {
  await vi.waitUntil(() => ticksOf(program, formatTime(to)).length > 0, TIMEOUT);
}

function skippedBy(programs: readonly RunningProgram[]): ReadonlySet<string> {
  const lines = programs.flatMap((program) => program.lines.filter((line) => line.includes("ticks skipped")));
  return new Set(
    lines.flatMap((line) => {
      const { count: times, to } = JSON.parse(line) as { count: number; to: string };
      return Array.from({ length: times }, (_, back) => formatTime(parseTime(to) - BigInt(back + 1) * INTERVAL));
    }),
  );
}
