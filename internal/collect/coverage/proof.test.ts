import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runsOf } from "../../../test/thoroughness.ts";
import { type Micros, parseTime, seconds } from "../../canonical/time.ts";
import { type CoverageChange, type Evidence, foldProof, NOTHING_PROVEN, type Proof, type ProofEvent } from "./proof.ts";

const START = parseTime("2026-01-01T00:00:00Z");
const at = (second: number): Micros => START + seconds(second);
const trade = (number: number | null, second: number, now = second): ProofEvent => ({
  ...{ type: "trade", number: number === null ? null : BigInt(number), ts: at(second), at: now },
});
const clock = (second: number, lastNumber: number | null = null): ProofEvent => ({
  ...{ type: "clock", time: at(second), lastNumber: lastNumber === null ? null : BigInt(lastNumber), at: second },
});

/** What a ledger covers that gets the changes and, after each event, the open interval; in whole microseconds. */
function covered(evidence: Evidence, events: readonly ProofEvent[]): { spans: [Micros, Micros][]; proof: Proof } {
  let spans: [Micros, Micros][] = [];
  const retract = (from: Micros, to: Micros): void => {
    spans = spans.flatMap(([start, end]): [Micros, Micros][] => {
      if (end <= from || start >= to) return [[start, end]];
      return [
        ...(start < from ? [[start, from] as [Micros, Micros]] : []),
        ...(end > to ? [[to, end] as [Micros, Micros]] : []),
      ];
    });
  };
  const apply = ({ type, from, to }: CoverageChange): void => {
    retract(from, to);
    if (type === "cover" && from < to) spans.push([from, to]);
  };
  let proof = NOTHING_PROVEN;
  for (const event of events) {
    const folded = foldProof(evidence, proof, event);
    for (const change of folded.changes) apply(change);
    proof = folded.proof;
    if (proof.open !== null) apply({ type: "cover", ...proof.open });
  }
  const sorted = spans.sort((a, b) => (a[0] < b[0] ? -1 : 1));
  const joined: [Micros, Micros][] = [];
  for (const span of sorted) {
    const before = joined.at(-1);
    if (before !== undefined && before[1] >= span[0]) before[1] = before[1] > span[1] ? before[1] : span[1];
    else joined.push([...span]);
  }
  return { spans: joined, proof };
}

const span = (from: number, to: number, later = 0n): [Micros, Micros] => [at(from) + later, at(to)];

describe("the proof of a numbered stream", () => {
  it("begins behind its first trade and reaches its last, and with the venue's clock further", () => {
    const trades = [trade(7, 1), trade(8, 2), trade(9, 30)];
    expect(covered("numbers", trades).spans).toEqual([span(1, 30, 1n)]);
    expect(covered("numbers", [...trades, clock(60)]).spans).toEqual([span(1, 58, 1n)]);
  });

  it("takes what comes twice or out of order as what it is", () => {
    const trades = [trade(7, 1), trade(9, 3), trade(9, 3), trade(8, 2, 3), trade(7, 1, 3), trade(10, 4)];
    expect(covered("numbers", trades).spans).toEqual([span(1, 4, 1n)]);
  });

  it("leaves out the time of missing numbers, with both its ends, and retracts what the clock had covered", () => {
    const events = [trade(7, 1), clock(20), trade(9, 25), trade(10, 26), { type: "tick", at: 30 } as const];
    expect(covered("numbers", events.slice(0, 2)).spans).toEqual([span(1, 18, 1n)]);
    expect(covered("numbers", events.slice(0, 4)).proof.doubtSince).toBe(25);
    // Number 8 may be of second 1.
    expect(covered("numbers", events).spans).toEqual([span(25, 26, 1n)]);
  });

  it("does not go on while the venue tells of trades that have not come", () => {
    const events = [clock(1, 7), clock(20, 7), clock(30, 8), { type: "tick", at: 33 } as const];
    expect(covered("numbers", events).spans).toEqual([span(3, 18)]);
    expect(covered("numbers", [...events, trade(8, 25, 34), clock(40, 8)]).spans).toEqual([span(3, 38)]);
    expect(covered("numbers", [...events, { type: "tick", at: 35 }]).spans).toEqual([span(3, 18)]);
  });

  it("goes on after a message that could not be read if the next number shows that it was no trade", () => {
    const events = [trade(7, 1), { type: "rejected", at: 2 } as const, clock(10)];
    expect(covered("numbers", events).spans).toEqual([]);
    expect(covered("numbers", [...events, trade(8, 3), clock(10)]).spans).toEqual([span(1, 8, 1n)]);
    const lost = covered("numbers", [...events, trade(9, 5, 3), { type: "tick", at: 9 }, clock(20)]);
    expect(lost.spans).toEqual([span(5, 18, 1n)]);
  });
});

it("a stream without numbers covers what its connection lasted; one with a cursor goes on where it was cut", () => {
  const events = [clock(0), trade(null, 10), clock(20), { type: "cut" } as const, clock(40), clock(50)];
  expect(covered("connection", events).spans).toEqual([span(2, 18), span(42, 48)]);
  expect(covered("cursor", events).spans).toEqual([span(0, 50)]);
  expect(covered("connection", [...events, { type: "rejected", at: 51 }, clock(60), clock(70)]).spans).toEqual([
    ...[span(2, 18), span(42, 48), span(62, 68)],
  ]);
  expect(covered("cursor", [...events, { type: "rejected", at: 51 }, clock(60), clock(70)]).spans).toEqual([
    ...[span(0, 50), span(60, 70)],
  ]);
});

/** What a venue does in a second, and what becomes of it on the way. */
const step = fc.record({
  trades: fc.integer({ min: 0, max: 3 }),
  fate: fc.constantFrom("sent", "sent", "sent", "sent", "lost", "late", "twice", "rejected"),
  isCutHere: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
  clock: fc.constantFrom("none", "time", "number"),
});

it("never covers a time of which a trade has not come, whatever is lost, late, doubled, unreadable or cut", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      let number = 0;
      const all = new Map<number, Micros>();
      const come = new Set<number>();
      const events: ProofEvent[] = [];
      const late: ProofEvent[] = [];
      for (const [second, { trades, fate, isCutHere, clock: told }] of steps.entries()) {
        if (isCutHere) {
          events.push({ type: "cut" });
          late.length = 0;
        }
        for (const event of late.splice(0)) {
          events.push(event);
          if (event.type === "trade") come.add(Number(event.number));
        }
        for (let count = 0; count < trades; count++) {
          number++;
          all.set(number, at(second));
          const event = trade(number, second);
          if (fate === "late") late.push(trade(number, second, second + 1));
          else if (fate === "rejected") events.push({ type: "rejected", at: second });
          else if (fate !== "lost") {
            events.push(event, ...(fate === "twice" ? [event] : []));
            come.add(number);
          }
        }
        if (told !== "none") events.push(clock(second, told === "number" ? number : null));
        events.push({ type: "tick", at: second });
      }
      // A missing number shows when the next trade comes and the grace is over.
      const end = steps.length + 10;
      events.push(...late, trade(number + 1, end), { type: "tick", at: end + 10 });
      for (const event of late) if (event.type === "trade") come.add(Number(event.number));
      const { spans } = covered("numbers", events);
      const wrong = [...all].filter(
        ([each, ts]) => !come.has(each) && spans.some(([from, to]) => from <= ts && ts < to),
      );
      expect(wrong).toEqual([]);
    }),
    { numRuns: runsOf(2000) },
  );
});
