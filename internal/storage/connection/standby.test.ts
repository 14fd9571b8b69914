import { describe, expect, it } from "vitest";
import { seconds } from "../../canonical/time.ts";
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

describe("the replay position of a standby", () => {
  it.each<[string, StandbyState["receiver"], number, boolean, number]>([
    ["from its last commit if the role may not see its receiver", null, 40, false, 40],
    ["from its last commit while received WAL is not replayed", receiver({ isReplayed: false }), 40, false, 40],
    ["from the primary's last message if all is replayed", receiver({}), 1, true, 0],
    [
      "from the primary's last message, which gets older while it is idle",
      receiver({ sentAt: ago(30), receivedAt: ago(30) }),
      30,
      true,
      0,
    ],
    [
      "and does not advance while it is cut off without noticing",
      receiver({ sentAt: ago(36), receivedAt: ago(36) }),
      36,
      false,
      36,
    ],
    [
      "as lagging if a status request to the primary is long overdue",
      receiver({ sentAt: ago(11), receivedAt: ago(11), timeoutMs: 10_000n }),
      11,
      false,
      11,
    ],
    [
      "within half a minute if the primary is never asked for its status",
      receiver({ sentAt: ago(30), receivedAt: ago(30), timeoutMs: 0n }),
      30,
      true,
      0,
    ],
    ["minus the lead of the primary's clock", receiver({ sentAt: NOW + seconds(60), receivedAt: ago(1) }), 1, true, 0],
  ])("is known %s", (_what, seen, secondsAgo, isCaughtUp, lagSeconds) => {
    const found = judgeStandby({ now: NOW, replayedTo: ago(40), receiver: seen });
    expect(found).toEqual({ completeTo: ago(secondsAgo), isCaughtUp, lagSeconds });
  });
});

describe("a bucket is complete", () => {
  const position = (secondsAgo: number) => ({ completeTo: ago(secondsAgo), isCaughtUp: false, lagSeconds: secondsAgo });
  const over = (to: bigint, standby: ReturnType<typeof position> | null) => () =>
    refuseUnended({ to, settleSeconds: 5 }, NOW, standby);

  it("on the primary after its end, since the caller has waited for the settle time", () => {
    expect(over(ago(0), null)).not.toThrow();
    expect(over(NOW + 1n, null)).toThrow(ClockAhead);
  });

  it("on a standby after it has replayed the end and the settle time", () => {
    expect(over(ago(25), position(20))).not.toThrow();
    expect(over(ago(25) + 1n, position(20))).toThrow(ReplayBehind);
    expect(over(NOW + 1n, position(0))).toThrow(ClockAhead);
  });

  it("or the error names the replay position and the fix", () => {
    expect(over(ago(5), position(20))).toThrow(/standby, complete to 1970-01-12T13:46:20Z \(20.0 s behind\).*primary/);
  });
});
