import { describe, expect, it } from "vitest";
import { seconds } from "../canonical/time.ts";
import { ClockAhead, ReplayBehind } from "./errors.ts";
import { refuseUnended } from "./read-only.ts";
import { judgeStandby, type StandbyState } from "./standby.ts";

const NOW = seconds(1_000_000);
const ago = (count: number) => NOW - seconds(count);

type Receiver = NonNullable<StandbyState["receiver"]>;

const receiver = (changes: Partial<Receiver>): Receiver => ({
  isReplayed: true,
  sentAt: ago(1),
  receivedAt: ago(1),
  timeoutMs: 60_000n,
  ...changes,
});

describe("how far a standby is complete", () => {
  it.each<[string, StandbyState["receiver"], number, boolean, number]>([
    ["by its last commit where it may not see its receiver", null, 40, false, 40],
    ["by its last commit while something received is not replayed", receiver({ isReplayed: false }), 40, false, 40],
    ["by the primary's last word where all is replayed", receiver({}), 1, true, 0],
    [
      "by the primary's last word, which is the older the longer it has nothing to say",
      receiver({ sentAt: ago(30), receivedAt: ago(30) }),
      30,
      true,
      0,
    ],
    [
      "no farther while it is cut off and believes to be connected",
      receiver({ sentAt: ago(36), receivedAt: ago(36) }),
      36,
      false,
      36,
    ],
    [
      "as lagging where the primary would have been asked long ago",
      receiver({ sentAt: ago(11), receivedAt: ago(11), timeoutMs: 10_000n }),
      11,
      false,
      11,
    ],
    [
      "by the half of a minute where the primary is never asked",
      receiver({ sentAt: ago(30), receivedAt: ago(30), timeoutMs: 0n }),
      30,
      true,
      0,
    ],
    [
      "less what the primary's clock is seen to be ahead",
      receiver({ sentAt: NOW + seconds(60), receivedAt: ago(1) }),
      1,
      true,
      0,
    ],
  ])("is known %s", (_what, seen, secondsAgo, isCaughtUp, lagSeconds) => {
    const found = judgeStandby({ now: NOW, replayedTo: ago(40), receiver: seen });
    expect(found).toEqual({ completeTo: ago(secondsAgo), isCaughtUp, lagSeconds });
  });
});

describe("a bucket is over", () => {
  const position = (secondsAgo: number) => ({ completeTo: ago(secondsAgo), isCaughtUp: false, lagSeconds: secondsAgo });
  const over = (to: bigint, standby: ReturnType<typeof position> | null) => () =>
    refuseUnended({ to, settleSeconds: 5 }, NOW, standby);

  it("on the primary once its end is past, as whoever asks has let it settle", () => {
    expect(over(ago(0), null)).not.toThrow();
    expect(over(NOW + 1n, null)).toThrow(ClockAhead);
  });

  it("on a standby once that has replayed the time in which its trades may land", () => {
    expect(over(ago(25), position(20))).not.toThrow();
    expect(over(ago(25) + 1n, position(20))).toThrow(ReplayBehind);
    expect(over(NOW + 1n, position(0))).toThrow(ClockAhead);
  });

  it("or the error says how far the standby is, and what to do", () => {
    expect(over(ago(5), position(20))).toThrow(/standby, complete to 1970-01-12T13:46:20Z, 20.0 s behind.*primary/);
  });
});
