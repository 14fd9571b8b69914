import { afterEach, beforeEach, expect, it } from "vitest";
import type { CircuitState } from "../lib/circuit-breaker.ts";
import { createLogger } from "../obs/logger.ts";
import { logCircuitEvents } from "./circuits.ts";
import { circuitChanged, type Dependency } from "./events.ts";

let lines: { level: string; msg: string; dependency: string; reason?: string; open_seconds?: number }[];
let logging: { stop: () => void };
let now: number;

beforeEach(() => {
  lines = [];
  now = 1000;
  const log = createLogger("info", "api", { write: (line) => lines.push(JSON.parse(line)) });
  logging = logCircuitEvents(log, () => now);
});
afterEach(() => logging.stop());

function change(state: CircuitState, dependency: Dependency = "redis"): void {
  circuitChanged.publish({ dependency, state, reason: "WRONGPASS" });
}

/** Keeps the circuit open for this long, with a failed attempt every 5 s. */
function failFor(seconds: number, dependency?: Dependency): void {
  change("open", dependency);
  for (const end = now + seconds; now < end; now += 5) {
    change("half-open", dependency);
    change("open", dependency);
  }
}

it("a circuit that stays open is logged once with the reason, and again each minute", () => {
  failFor(150);
  expect(lines).toEqual([
    expect.objectContaining({ level: "error", dependency: "redis", reason: "WRONGPASS" }),
    expect.objectContaining({ level: "error", reason: "WRONGPASS", open_seconds: 60 }),
    expect.objectContaining({ level: "error", reason: "WRONGPASS", open_seconds: 120 }),
  ]);
  expect(lines.map(({ msg }) => msg.slice(0, 18))).toEqual([
    "circuit open after",
    "circuit still open",
    "circuit still open",
  ]);
});

it("closing is logged with the time that the circuit was open, and opening again is logged again", () => {
  failFor(20);
  change("half-open");
  change("closed");
  failFor(20);
  expect(lines.map(({ level, open_seconds }) => [level, open_seconds])).toEqual([
    ["error", undefined],
    ["info", 20],
    ["error", undefined],
  ]);
});

it("each dependency is logged independently", () => {
  failFor(10, "redis");
  failFor(10, "database");
  expect(lines.map(({ dependency }) => dependency)).toEqual(["redis", "database"]);
});
