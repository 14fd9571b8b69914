import { setTimeout as pause } from "node:timers/promises";
import { expect, vi } from "vitest";
import { latestClosed } from "../../internal/canonical/bucket.ts";
import { formatTime, MICROS_PER_SECOND, type Micros, parseTime, seconds } from "../../internal/canonical/time.ts";
import type { RunningProgram } from "../program.ts";
import type { Answered } from "./client.ts";
import { count } from "./figures.ts";
import { boundaryName } from "./judge.ts";
import { DATABASE_PASSWORD, INTERVAL_SECONDS, SETTLE_SECONDS, type World } from "./world.ts";

/** Ticks that are waited for from two intervals after a cure on. */
const TICKS_AFTER = 1;
/** Of each message between a daemon and the database, so that a tick takes half a second and more. */
const TICK_DELAY_MS = 120;
/** How long a busy machine may take for them. */
const PATIENCE = { timeout: 60_000, interval: 100 };

/** How long the observer may take to read what was written. */
const SOON = { timeout: 3_000, interval: 50 };

interface Tick {
  readonly to: string;
  readonly written: number;
  readonly error: number;
  readonly abandoned: number;
}

/** The ticks that an aggregator has reported for boundaries from `from` on. */
export function ticksOf({ lines }: RunningProgram, from: string, firstLine = 0): Tick[] {
  return lines
    .slice(firstLine)
    .filter((line) => line.includes('"msg":"tick'))
    .map((line) => JSON.parse(line))
    .filter((line) => "written" in line && line.to >= from);
}

/** Counts a fault, and gives the moment of its cure: when `injectAndCure` ends. */
export async function fault(injectAndCure: () => Promise<unknown>): Promise<Micros> {
  await injectAndCure();
  count("faults");
  return nowMicros();
}

/** Does it while the aggregators have asked the database and wait for it. */
export async function inTick({ databaseWire }: World, action: () => Promise<unknown>): Promise<void> {
  const interval = INTERVAL_SECONDS * 1000;
  databaseWire.delay(TICK_DELAY_MS);
  const sinceTick = (Date.now() - SETTLE_SECONDS * 1000) % interval;
  await pause(interval - sinceTick + 2 * TICK_DELAY_MS);
  await action();
  databaseWire.pass();
}

/**
 * Waits until every aggregator has worked on for two intervals after the cure and a little longer, and then has it all:
 * the daemons are up, every tick from there on published every target, Redis holds what an undisturbed run would have
 * published, and nothing else was readable at any time.
 * @param firstLine of the aggregators' logs: a clock that was ahead has left ticks of the future before it
 */
export async function expectRecovered(world: World, cured: Micros, firstLine = 0): Promise<void> {
  const { aggregators } = world;
  if (aggregators.length === 0) throw new Error("a world without an aggregator does not recover");
  const from = formatTime(latestClosed(cured, INTERVAL_SECONDS, 0) + seconds(3 * INTERVAL_SECONDS));
  const due = (program: RunningProgram): Tick[] => ticksOf(program, from, firstLine);
  const hasTicked = (program: RunningProgram): boolean => due(program).length >= TICKS_AFTER;
  await vi.waitUntil(() => aggregators.every((program) => hasEnded(program) || hasTicked(program)), PATIENCE);
  expectUp(world);
  const ticks = aggregators.flatMap(due);
  for (const tick of ticks) expect(tick).toMatchObject({ error: 0, abandoned: 0 });
  await expectPublished(world, ticks);
  await expectNothingWrong(world);
}

/** The daemons run, and have said nothing on standard error: no unhandled rejection, no warning of Node's. */
export function expectUp({ aggregators, api }: World): void {
  for (const program of [...aggregators, ...(api === null ? [] : [api.program])]) {
    expect(program.errors()).toBe("");
    expect(program.lines.some((line) => line.includes(DATABASE_PASSWORD))).toBe(false);
    expect(hasEnded(program)).toBe(false);
  }
}

/** Every target was readable with what an undisturbed run would have published at the boundaries of these ticks. */
async function expectPublished(world: World, ticks: readonly Tick[]): Promise<void> {
  for (const { to } of ticks) {
    for (const { pair, windowSeconds } of world.targets) {
      if ((await world.judge.expected(pair, windowSeconds, parseTime(to))) === null) continue;
      // The bytes are judged with all the others.
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

/** Judges all that was readable in Redis and from the API since the last time. */
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

/** A value is stale from when its successor's successor is due; between the question and the answer it may become so. */
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
