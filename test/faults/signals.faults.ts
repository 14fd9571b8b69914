import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startProgram } from "../program.ts";
import { askVwap } from "./client.ts";
import { count } from "./figures.ts";
import { expectNothingWrong, expectRecovered, fault, nowMicros } from "./recovery.ts";
import { canMakeWorld, makeWorld, type World } from "./world.ts";

const ROUNDS = 6;
/** The time after a start in ms: within a tick or between two. */
const moments = fc.sample(fc.nat({ max: 3_000 }), { numRuns: ROUNDS, seed: 20_261_121 });

describe.skipIf(!canMakeWorld("daemons ended at random moments"))("daemons ended at random moments", () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld({});
  });
  afterAll(() => world?.end());

  it("publish every boundary without a fault", () => expectRecovered(world, nowMicros()));

  it.each(["SIGKILL", "SIGTERM"] as const)(
    "an aggregator ended by %s leaves correct values, and the next one continues",
    async (signal) => {
      const faultEnd = await fault(async () => {
        for (let round = 0; round < ROUNDS; round++) {
          await pause(moments[round]);
          const aggregator = world.aggregators.pop();
          expect(await aggregator?.stop(signal)).toBe(signal === "SIGKILL" ? null : 0);
          expect(aggregator?.errors()).toBe("");
          count("kills");
          await world.startAggregator();
        }
      });
      await expectRecovered(world, faultEnd);
    },
  );

  it.each(["SIGKILL", "SIGTERM"] as const)("an API ended by %s gives complete answers or none", async (signal) => {
    for (let round = 0; round < ROUNDS; round++) {
      const api = startProgram(["api"], world.environment);
      const { api: base } = JSON.parse(await api.line((line) => line.includes("api started")));
      let isStopping = false;
      const asking = Array.from({ length: 8 }, async () => {
        while (!isStopping) {
          await askVwap(base, "pair=XLM/BTC&window=7s").then(
            (answer) => world.api?.client.answers.push(answer),
            // Requests after the start of the shutdown may get no answer; earlier ones are only cut by SIGKILL.
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
