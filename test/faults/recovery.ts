import { setTimeout as pause } from "node:timers/promises";
import { expect, vi } from "vitest";
import { latestClosed } from "../../internal/canonical/bucket.ts";
import { formatTime, MICROS_PER_SECOND, type Micros, parseTime, seconds } from "../../internal/canonical/time.ts";
import type { RunningProgram } from "../program.ts";
import type { Answered } from "./client.ts";
import { count } from "./figures.ts";
import { boundaryName } from "./judge.ts";
import { DATABASE_PASSWORD, INTERVAL_SECONDS, SETTLE_SECONDS, type World } from "./world.ts";

/** The number of ticks to wait for, from two intervals after the end of a fault on. */
const TICKS_AFTER = 1;
/** The delay of each message between a daemon and the database, so that a tick takes half a second or more. */
const TICK_DELAY_MS = 120;
/** The maximum time for these ticks on a busy machine. */
const TIMEOUT = { timeout: 60_000, interval: 100 };

/** The maximum time until the observer has read a written value. */
const SOON = { timeout: 3_000, interval: 50 };

interface Tick {
  readonly to: string;
  readonly written: number;
  readonly error: number;
  readonly abandoned: number;
}

/** Returns the ticks that an aggregator has reported for boundaries from `from` on. */
export function ticksOf({ lines }: RunningProgram, from: string, firstLine = 0): Tick[] {
  return lines
    .slice(firstLine)
    .filter((line) => line.includes('"msg":"tick'))
    .map((line) => JSON.parse(line))
    .filter((line) => "written" in line && line.to >= from);
}

/** Counts a fault and returns the time of its end, when `injectAndRemove` resolves. */
export async function fault(injectAndRemove: () => Promise<unknown>): Promise<Micros> {
  await injectAndRemove();
  count("faults");
  return nowMicros();
}

/** Runs an action while the aggregators wait for answers of the database. */
export async function inTick({ databaseProxy }: World, action: () => Promise<unknown>): Promise<void> {
  const interval = INTERVAL_SECONDS * 1000;
  databaseProxy.delay(TICK_DELAY_MS);
  const sinceTick = (Date.now() - SETTLE_SECONDS * 1000) % interval;
  await pause(interval - sinceTick + 2 * TICK_DELAY_MS);
  await action();
  databaseProxy.restore();
}

/**
 * Waits until every aggregator has run for somewhat more than two intervals after the end of the fault, and then checks:
 * the daemons run, every tick since then published every target, Redis contains what an undisturbed run would have
 * published, and nothing else was readable at any time.
 * @param firstLine the first line of the aggregators' logs to use; a clock that was ahead has left future ticks before it
 */
export async function expectRecovered(world: World, faultEnd: Micros, firstLine = 0): Promise<void> {
  const { aggregators } = world;
  if (aggregators.length === 0) throw new Error("a world without an aggregator does not recover");
  const from = formatTime(latestClosed(faultEnd, INTERVAL_SECONDS, 0) + seconds(3 * INTERVAL_SECONDS));
  const due = (program: RunningProgram): Tick[] => ticksOf(program, from, firstLine);
  const hasTicked = (program: RunningProgram): boolean => due(program).length >= TICKS_AFTER;
  await vi.waitUntil(() => aggregators.every((program) => hasEnded(program) || hasTicked(program)), TIMEOUT);
  expectUp(world);
  const ticks = aggregators.flatMap(due);
  for (const tick of ticks) expect(tick).toMatchObject({ error: 0, abandoned: 0 });
  await expectPublished(world, ticks);
  await expectNothingWrong(world);
}

/** Expects the daemons to run and to have written nothing to standard error: no unhandled rejection and no warning. */
export function expectUp({ aggregators, api }: World): void {
  for (const program of [...aggregators, ...(api === null ? [] : [api.program])]) {
    expect(program.errors()).toBe("");
    expect(program.lines.some((line) => line.includes(DATABASE_PASSWORD))).toBe(false);
    expect(hasEnded(program)).toBe(false);
  }
}

/** Expects that every target was readable at the boundaries of these ticks. */
async function expectPublished(world: World, ticks: readonly Tick[]): Promise<void> {
  for (const { to } of ticks) {
    for (const { pair, windowSeconds } of world.targets) {
      if ((await world.judge.expected(pair, windowSeconds, parseTime(to))) === null) continue;
      // The bytes are checked together with all others.
      const name = boundaryName(pair, windowSeconds, parseTime(to));
      const wasReadable = await vi.waitUntil(() => isObserved(world, name), SOON).catch(() => false);
      count(wasReadable ? "published" : "missed");
      expect(wasReadable, `${name} was readable`).toBe(true);
    }
  }
}

function isObserved({ observer }: World, name: string): boolean {
  return observer.observed.some(({ key, text }) => `${key} ${toOf(text)}` === name);
}

/** Checks all values that were readable in Redis and from the API since the last call. */
export async function expectNothingWrong(world: World): Promise<void> {
  const { observer, judge, api } = world;
  const values = unjudged(world, "values", observer.observed);
  const wrong: string[] = [];
  for (const { text } of values) {
    if (world.poison.has(text)) continue;
    const verdict = await judge.verdict(text);
    count(verdict === "unknown" ? "unjudged" : "values");
    if (verdict === "wrong") wrong.push(text);
  }
  count("wrong", wrong.length);
  expect(wrong).toEqual([]);
  if (api === null) return;
  expect(api.client.failures).toEqual([]);
  await expectAnswersRight(world, unjudged(world, "answers", api.client.answers));
}

async function expectAnswersRight({ judge }: World, answers: readonly Answered[]): Promise<void> {
  const wrong: Answered[] = [];
  const dishonest: Answered[] = [];
  const others: Answered[] = [];
  for (const answer of answers) {
    const { status, text, retryAfter } = answer;
    if (text === null) {
      const isHonest = status === 503 && Number(retryAfter) > 0;
      count(isHonest ? "answers503" : "answersOther");
      if (!isHonest) others.push(answer);
      continue;
    }
    count("answers200");
    const verdict = await judge.verdict(text);
    if (verdict === "wrong") wrong.push(answer);
    if (!isStaleHonest(answer, text)) dishonest.push(answer);
  }
  count("wrongAnswers", wrong.length);
  count("dishonestAnswers", dishonest.length);
  expect(wrong).toEqual([]);
  expect(dishonest).toEqual([]);
  expect(others).toEqual([]);
}

/** A value is stale when the second next one is due, which may happen between the request and the answer. */
function isStaleHonest({ from, to, stale }: Answered, text: string): boolean {
  const ended = parseTime(toOf(text) as string);
  const dueAt = (milliseconds: number): Micros =>
    latestClosed(BigInt(milliseconds) * 1000n, INTERVAL_SECONDS, SETTLE_SECONDS) - seconds(INTERVAL_SECONDS);
  if (ended < dueAt(from)) return stale;
  return ended < dueAt(to) || !stale;
}

const judged = new WeakMap<World, Map<string, number>>();

function unjudged<T>(world: World, what: string, all: readonly T[]): readonly T[] {
  const marks = judged.get(world) ?? new Map<string, number>();
  judged.set(world, marks);
  const fresh = all.slice(marks.get(what) ?? 0);
  marks.set(what, all.length);
  return fresh;
}

export function hasEnded({ process }: RunningProgram): boolean {
  return process.exitCode !== null || process.signalCode !== null;
}

export function nowMicros(): Micros {
  return (BigInt(Date.now()) * MICROS_PER_SECOND) / 1000n;
}

function toOf(text: string): string | undefined {
  return /"to":"([^"]*)"/.exec(text)?.[1];
}
