import { expect, it } from "vitest";
import { makeGuard } from "./guard.ts";
import { probeWhileOpen } from "./probe.ts";

it("closes the circuit of a dependency that is back although nobody asks for it, and then rests", async () => {
  const states: string[] = [];
  const guard = makeGuard(
    "the thing",
    {
      failures: 1,
      cooldownSeconds: 0.01,
      stopwatch: () => performance.now() / 1000,
      onChange: (state) => states.push(state),
    },
    () => true,
  );
  let isBack = false;
  let pings = 0;
  const ping = () =>
    guard.run(async () => {
      pings++;
      if (!isBack) throw new Error("away");
    });
  await ping().catch(() => {});
  const probe = probeWhileOpen(guard, 0.01, ping);
  await expect.poll(() => pings).toBeGreaterThan(2);
  expect(guard.state()).not.toBe("closed");
  isBack = true;
  await expect.poll(guard.state).toBe("closed");
  const before = pings;
  let turns = 0;
  const clock = setInterval(() => turns++, 10);
  await expect.poll(() => turns).toBeGreaterThan(3);
  clearInterval(clock);
  probe.stop();
  expect(pings).toBe(before);
  expect(states.at(-1)).toBe("closed");
});
