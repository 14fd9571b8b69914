import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ConnectionEvent,
  type ConnectionState,
  type ConnectionTimes,
  isLive,
  newConnection,
  stepConnection,
} from "./connection-state.ts";
import { failuresAfter, reconnectSeconds } from "./reconnect.ts";

const TIMES = { openSeconds: 10, acknowledgeSeconds: 10, silenceSeconds: 20, idleSeconds: 5 };

/** Lets events happen at their seconds, with a tick at each second, up to the first close. */
function run(
  events: readonly (readonly [second: number, event: ConnectionEvent])[],
  until: number,
  doubted: readonly string[] = [],
  times: ConnectionTimes = TIMES,
) {
  let state: ConnectionState = newConnection(["a", "b"], new Set(doubted), 0);
  const actions: string[] = [];
  for (let second = 0; second <= until; second++) {
    const now = [...events.filter(([at]) => at === second).map(([, event]) => event), { type: "tick" } as const];
    for (const event of now) {
      const next = stepConnection(times, state, event, second);
      state = next.state;
      if (next.action === "none") continue;
      if (typeof next.action !== "object") actions.push(`${second} ${next.action}`);
      else if ("close" in next.action) {
        const { close, doubted: left } = next.action;
        return { state, actions: [...actions, `${second} ${close}`], left: [...left] };
      } else {
        const { refuse, reason } = next.action;
        for (const market of refuse)
          state = stepConnection(times, state, { type: "refused", market, reason }, second).state;
      }
    }
  }
  return { state, actions };
}

const opened = [0, { type: "opened" }] as const;
const subscribed = (second: number, market: string) => [second, { type: "subscribed", market }] as const;
const message = (second: number) => [second, { type: "message" }] as const;

describe("a connection", () => {
  it("is given up if it does not open, or a subscription is not acknowledged", () => {
    expect(run([], 30).actions).toEqual(["10 it did not open within 10 s"]);
    const events = [opened, subscribed(1, "a"), ...[4, 8].map(message)];
    expect(run(events, 30).actions).toEqual([
      "0 subscribe",
      "10 the subscription of b was not acknowledged within 10 s",
    ]);
  });

  it("gives a market up that is not acknowledged again, where others are", () => {
    const events = [opened, subscribed(1, "a"), ...[4, 8, 12].map(message)];
    expect(run(events, 30).left).toEqual(["b"]);
    const { state } = run(events, 12, ["b"]);
    expect(isLive(state)).toBe(true);
    expect([...state.refused]).toEqual([["b", "the subscription of b was not acknowledged within 10 s"]]);
    // With no answer at all it is the connection that is bad.
    expect(run([opened], 30, ["a", "b"]).actions.at(-1)).toContain("10 the subscription of a was not acknowledged");
  });

  it("is live once each market is subscribed or refused", () => {
    const refused = [2, { type: "refused", market: "b", reason: "unknown" }] as const;
    const { state } = run([opened, subscribed(1, "a"), refused], 3);
    expect(isLive(state)).toBe(true);
    expect([...state.refused]).toEqual([["b", "unknown"]]);
  });

  it("is pinged where no frame comes, and given up without an answer, or without any word", () => {
    const live = [opened, subscribed(0, "a"), subscribed(0, "b")];
    expect(run(live, 30).actions).toEqual(["0 subscribe", "5 ping", "10 a ping was not answered within 5 s"]);
    const pongs = Array.from({ length: 30 }, (_, second) => [second, { type: "frame" }] as const);
    expect(run([...live, ...pongs], 40).actions).toEqual(["0 subscribe", "20 nothing was said for 20 s"]);
    const words = Array.from({ length: 10 }, (_, index) => message(index * 4));
    expect(run([...live, ...words], 39).actions).toEqual(["0 subscribe"]);
  });

  it("may be quiet where there are no pings, for as long as nothing has to be said", () => {
    const live = [opened, subscribed(0, "a"), subscribed(0, "b")];
    const { actions } = run(live, 30, [], { ...TIMES, idleSeconds: null });
    expect(actions).toEqual(["0 subscribe", "20 nothing was said for 20 s"]);
  });

  it("never stays open for longer than the longest time without a word", () => {
    const event = fc.oneof(
      fc.constant<ConnectionEvent>({ type: "frame" }),
      fc.constant<ConnectionEvent>({ type: "message" }),
      fc.constantFrom("a", "b").map((market): ConnectionEvent => ({ type: "subscribed", market })),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 100 }), event), { maxLength: 40 }), (events) => {
        const { actions, state } = run([opened, ...events], 200);
        const closedAt = Number.parseInt(actions.at(-1) ?? "", 10);
        // Twenty seconds of silence, or an acknowledgement that stays away, end each of them.
        expect(actions.at(-1)).toMatch(/nothing was said|not acknowledged|not answered/);
        expect(closedAt - state.messageAt).toBeLessThanOrEqual(TIMES.silenceSeconds);
      }),
    );
  });
});

it("the wait before the next connection is a random part of what doubles, up to a minute, and what the venue asked for at least", () => {
  expect([1, 2, 3, 7, 50].map((failures) => reconnectSeconds(failures, 0.5, 0))).toEqual([0.5, 1, 2, 30, 30]);
  expect(reconnectSeconds(1, 0.5, 90)).toBe(90);
  expect(failuresAfter(4, 29)).toBe(5);
  expect(failuresAfter(4, 30)).toBe(1);
});
