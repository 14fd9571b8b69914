import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startProgram } from "../program.ts";
import { askVwap } from "./client.ts";
import { count } from "./figures.ts";
import { expectNothingWrong, expectRecovered, fault, nowMicros } from "./recovery.ts";
import { canMakeWorld, makeWorld, type World } from "./world.ts";

const ROUNDS = 6;
/** In ms after a start: anywhere in a tick, or between two. */
const moments = fc.sample(fc.nat({ max: 3_000 }), { numRuns: ROUNDS, seed: 20_261_121 });

describe.skipIf(!canMakeWorld("daemons ended at random moments"))("daemons ended at random moments", () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld({});
  });
  afterAll(() => world?.end());

  it("undisturbed", () => expectRecovered(world, nowMicros()));

  it.each(["SIGKILL", "SIGTERM"] as const)(
    "an aggregator by %s leaves nothing wrong, and the next one goes on",
    async (signal) => {
      const cured = await fault(async () => {
        for (let round = 0; round < ROUNDS; round++) {
          await pause(moments[round]);
          const aggregator = world.aggregators.pop();
          expect(await aggregator?.stop(signal)).toBe(signal === "SIGKILL" ? null : 0);
          expect(aggregator?.errors()).toBe("");
          count("kills");
          await world.startAggregator();
        }
      });
      await expectRecovered(world, cured);
    },
  );

  it.each(["SIGKILL", "SIGTERM"] as const)("an API by %s gives whole answers or none", async (signal) => {
    for (let round = 0; round < ROUNDS; round++) {
      const api = startProgram(["api"], world.environment);
      const { api: base } = JSON.parse(await api.line((line) => line.includes("api started")));
      let isStopping = false;
      const asking = Array.from({ length: 8 }, async () => {
        while (!isStopping) {
          await askVwap(base, "pair=XLM/BTC&window=7s").then(
            (answer) => world.api?.client.answers.push(answer),
            // What was sent after the end was begun may get no answer; before, only SIGKILL cuts.
            (error) => expect(isStopping || signal === "SIGKILL", String(error)).toBe(true),
          );
        }
      });
      await pause((moments[round] ?? 0) / 3);
      const stopped = api.stop(signal);
      isStopping = true;
      expect(await stopped).toBe(signal === "SIGKILL" ? null : 0);
      expect(api.errors()).toBe("");
      count("kills");
      await Promise.all(asking);
    }
    await expectNothingWrong(world);
  });
});
