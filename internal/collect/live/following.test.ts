import { expect, it } from "vitest";
import type { Followed } from "../connector.ts";
import { VenueThrottled } from "../failures.ts";
import { openFollowing } from "./following.ts";

const alive: Followed = { text: "", messages: [{ type: "alive" }] };

/** Follows until the end; `pause` is what the source of messages waits by. */
function ended(
  follow: (pause: (seconds: number) => Promise<void>) => AsyncIterable<Followed>,
  onFollowed: (close: () => void) => void = () => {},
): Promise<readonly unknown[]> {
  const said: unknown[] = [];
  return new Promise((resolve) => {
    const wire = openFollowing(
      follow,
      {
        onOpen: () => said.push("open"),
        onFrame: (isPong) => said.push(isPong ? "pong" : "frame"),
        onEnd: (reason, retryAfter) => resolve([...said, reason, retryAfter]),
      },
      () => {
        said.push("message");
        onFollowed(wire.close);
      },
    );
  });
}

it("a venue that is followed is open with the first answer, and ends with a request that fails", async () => {
  const failing = async function* (error: Error, answered: readonly Followed[] = [alive, alive]) {
    yield* answered;
    throw error;
  };
  const answers = ["open", "frame", "message", "frame", "message"];
  expect(await ended(() => failing(new Error("refused")))).toEqual([...answers, "refused", 0]);
  expect(await ended(() => failing(new VenueThrottled("slow down", 429, 7)))).toEqual([...answers, "slow down", 7]);
  expect(await ended(() => failing(new Error("not there"), []))).toEqual(["not there", 0]);
});

it("once it is given up nothing is handed on, and what it waits for is over", async () => {
  let isOver = (): void => {};
  const over = new Promise<void>((resolve) => {
    isOver = resolve;
  });
  const patient = async function* (pause: (seconds: number) => Promise<void>) {
    try {
      for (;;) {
        yield alive;
        await pause(3600);
      }
    } finally {
      isOver();
    }
  };
  expect(await ended(patient, (close) => close())).toEqual(["open", "frame", "message", "it was given up", 0]);
  await over;
});
