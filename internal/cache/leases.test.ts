import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { NO_GUARD } from "../resilience/guard.ts";
import { LEASES_KEY, type Leases, MEMBERS_KEY, openLeases } from "./leases.ts";
import { deleteTestKeys, plainClient, testKeyPrefix, testRedisUrl } from "./redis.testing.ts";

const url = await testRedisUrl();
const KEYS = ["a/x", "b/x", "c/x", "d/x", "e/x", "f/x", "g/x"];

describe.skipIf(url === null)("leases in Redis", () => {
  const redis = plainClient(url as string);
  let prefix: string;
  const opened: Leases[] = [];

  beforeAll(() => redis.connect());
  beforeEach(() => {
    prefix = testKeyPrefix();
  });
  afterAll(async () => {
    await Promise.all(opened.map((leases) => leases.close()));
    redis.disconnect();
  });

  function open(member: string): Leases {
    const leases = openLeases({ url: url as string, guard: NO_GUARD, keyPrefix: prefix, member, leaseMs: 60_000 });
    opened.push(leases);
    return leases;
  }

  /** As if the member had said nothing for as long as its lease. */
  const silence = (member: string) => redis.zadd(prefix + MEMBERS_KEY, 1, member);

  it("one alone gets all, and each boundary once", async () => {
    const one = open("one");
    expect(await one.claim(KEYS, 100)).toEqual({ members: 1, held: KEYS, work: KEYS });
    expect(await one.claim(KEYS, 100)).toEqual({ members: 1, held: KEYS, work: [] });
    expect(await one.claim(KEYS, 130)).toEqual({ members: 1, held: KEYS, work: KEYS });
    await deleteTestKeys(url as string, prefix);
  });

  it("one that joins gets its part of what is there, and works on no boundary that another has taken", async () => {
    const [one, two] = [open("one"), open("two")];
    await one.claim(KEYS, 100);
    const joined = await two.claim(KEYS, 100);
    expect(joined).toEqual({ members: 2, held: ["e/x", "f/x", "g/x"], work: [] });
    expect(await one.confirm(KEYS, 100)).toEqual(KEYS);
    expect((await two.claim(KEYS, 130)).work).toEqual(["e/x", "f/x", "g/x"]);
    expect((await one.claim(KEYS, 130)).work).toEqual(["a/x", "b/x", "c/x", "d/x"]);
    await deleteTestKeys(url as string, prefix);
  });

  it("one whose clock is ahead takes its part of the next boundary, and the other has the rest", async () => {
    const [one, two] = [open("one"), open("two")];
    await one.claim(KEYS, 100);
    expect((await two.claim(KEYS, 130)).work).toEqual(["e/x", "f/x", "g/x"]);
    expect((await one.claim(KEYS, 130)).work).toEqual(["a/x", "b/x", "c/x", "d/x"]);
    await deleteTestKeys(url as string, prefix);
  });

  it("what a dead one had is taken over at the next claim", async () => {
    const [one, two] = [open("one"), open("two")];
    await one.claim(KEYS, 100);
    await two.claim(KEYS, 100);
    await silence("one");
    expect(await two.claim(KEYS, 130)).toEqual({ members: 1, held: KEYS, work: KEYS });
    await deleteTestKeys(url as string, prefix);
  });

  it("one that stood still cannot confirm what was taken over, and gets its part back", async () => {
    const [one, two] = [open("one"), open("two")];
    await one.claim(KEYS, 100);
    await silence("one");
    await two.claim(KEYS, 130);
    await one.renew();
    expect(await one.confirm(KEYS, 100)).toEqual([]);
    expect(await two.confirm(KEYS, 130)).toEqual(KEYS);
    const back = await one.claim(KEYS, 160);
    expect(back.work).toEqual(["e/x", "f/x", "g/x"]);
    await deleteTestKeys(url as string, prefix);
  });

  it("one that leaves is not waited for", async () => {
    const [one, two] = [open("one"), open("two")];
    await one.claim(KEYS, 100);
    await one.close();
    expect((await two.claim(KEYS, 100)).held).toEqual(KEYS);
    expect((await two.claim(KEYS, 130)).work).toEqual(KEYS);
    await deleteTestKeys(url as string, prefix);
  });

  it("members of different configurations leave no key to nobody, and drop what none of them wants", async () => {
    const [one, two] = [open("one"), open("two")];
    await one.claim(KEYS, 100);
    await two.claim(["a/x", "b/x", "z/x"], 100);
    const worked = [...(await one.claim(KEYS, 130)).work, ...(await two.claim(["a/x", "b/x", "z/x"], 130)).work];
    expect(worked.sort()).toEqual([...KEYS, "z/x"]);
    await one.claim(["a/x"], 160);
    await two.claim(["a/x"], 160);
    expect(await redis.hkeys(prefix + LEASES_KEY)).toEqual(["a/x"]);
    await deleteTestKeys(url as string, prefix);
  });

  it("a lease given by a clock that was set back since is cut to its length", async () => {
    const [one, two] = [open("one"), open("two")];
    await one.claim(KEYS, 100);
    await redis.zadd(prefix + MEMBERS_KEY, Date.now() + 3_600_000, "one");
    await two.claim(KEYS, 100);
    expect(Number(await redis.zscore(prefix + MEMBERS_KEY, "one"))).toBeLessThanOrEqual(Date.now() + 61_000);
    await deleteTestKeys(url as string, prefix);
  });

  it("whatever members come, go and stand still, no boundary of a key is taken twice or, with all alive, left out", async () => {
    const names = ["m0", "m1", "m2", "m3"];
    const step = fc.record({
      join: fc.constantFrom(...names),
      silence: fc.option(fc.constantFrom(...names), { freq: 2 }),
      order: fc.shuffledSubarray(names, { minLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
        prefix = testKeyPrefix();
        const live = new Map<string, Leases>();
        for (const [index, { join, silence: silenced, order }] of steps.entries()) {
          const boundary = 100 + index;
          if (!live.has(join)) live.set(join, open(join));
          const worked: string[] = [];
          const counts: number[] = [];
          for (const name of order) {
            const claim = await live.get(name)?.claim(KEYS, boundary);
            worked.push(...(claim?.work ?? []));
          }
          expect(worked.sort()).toEqual(KEYS);
          for (const name of order) {
            const held = (await live.get(name)?.claim(KEYS, boundary))?.held;
            if (held !== undefined) counts.push(held.length);
          }
          expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(KEYS.length);
          if (silenced !== null && live.size > 1 && live.delete(silenced)) await silence(silenced);
        }
        // Once nobody comes or goes, all have the same, but for one.
        const settled: number[] = [];
        for (let round = 0; round < 2; round++) {
          for (const leases of live.values()) settled.push((await leases.claim(KEYS, 1000 + round)).held.length);
        }
        const last = settled.slice(-live.size);
        expect(Math.max(...last) - Math.min(...last)).toBeLessThanOrEqual(1);
        expect(last.reduce((sum, count) => sum + count, 0)).toBe(KEYS.length);
        await Promise.all([...live.values()].map((leases) => leases.close()));
        await deleteTestKeys(url as string, prefix);
      }),
      { numRuns: 25 },
    );
  });
});
