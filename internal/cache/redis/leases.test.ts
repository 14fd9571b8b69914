import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import { LEASES_KEY, type Leases, MEMBERS_KEY, openLeases } from "./leases.ts";
import { deleteTestKeys, plainClient, testKeyPrefix, testRedisUrl } from "./store.testing.ts";

const url = await testRedisUrl();
const LEASE_MS = 60_000;
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
    const leases = openLeases({ url: url as string, breaker: NO_CIRCUIT_BREAKER, keyPrefix: prefix, member });
    opened.push(leases);
    return leases;
  }

  /** Makes a member's lease expire. */
  const silence = (member: string) => redis.zadd(prefix + MEMBERS_KEY, 1, member);

  it("a single member gets all keys, and each boundary once", async () => {
    const one = open("one");
    expect(await one.claim(KEYS, 100, LEASE_MS)).toEqual({ members: 1, held: KEYS, work: KEYS });
    expect(await one.claim(KEYS, 100, LEASE_MS)).toEqual({ members: 1, held: KEYS, work: [] });
    expect(await one.claim(KEYS, 130, LEASE_MS)).toEqual({ members: 1, held: KEYS, work: KEYS });
    await deleteTestKeys(url as string, prefix);
  });

  it("a member that joins gets its share of the keys, and no boundary that another has taken", async () => {
    const [one, two] = [open("one"), open("two")];
    await one.claim(KEYS, 100, LEASE_MS);
    const joined = await two.claim(KEYS, 100, LEASE_MS);
    expect(joined).toEqual({ members: 2, held: ["e/x", "f/x", "g/x"], work: [] });
    expect(await one.confirm(KEYS, 100)).toEqual(KEYS);
    expect((await two.claim(KEYS, 130, LEASE_MS)).work).toEqual(["e/x", "f/x", "g/x"]);
    expect((await one.claim(KEYS, 130, LEASE_MS)).work).toEqual(["a/x", "b/x", "c/x", "d/x"]);
    await deleteTestKeys(url as string, prefix);
  });

  it("a member whose clock is ahead takes its share of the next boundary, and the other the rest", async () => {
    const [one, two] = [open("one"), open("two")];
    await one.claim(KEYS, 100, LEASE_MS);
    expect((await two.claim(KEYS, 130, LEASE_MS)).work).toEqual(["e/x", "f/x", "g/x"]);
    expect((await one.claim(KEYS, 130, LEASE_MS)).work).toEqual(["a/x", "b/x", "c/x", "d/x"]);
    await deleteTestKeys(url as string, prefix);
  });

  it("the keys of a dead member are taken over at the next claim", async () => {
    const [one, two] = [open("one"), open("two")];
    await one.claim(KEYS, 100, LEASE_MS);
    await two.claim(KEYS, 100, LEASE_MS);
    await silence("one");
    expect(await two.claim(KEYS, 130, LEASE_MS)).toEqual({ members: 1, held: KEYS, work: KEYS });
    await deleteTestKeys(url as string, prefix);
  });

  it("a member that was paused cannot confirm keys that were taken over, and gets its share back", async () => {
    const [one, two] = [open("one"), open("two")];
    await one.claim(KEYS, 100, LEASE_MS);
    await silence("one");
    await two.claim(KEYS, 130, LEASE_MS);
    await one.renew(LEASE_MS);
    expect(await one.confirm(KEYS, 100)).toEqual([]);
    expect(await two.confirm(KEYS, 130)).toEqual(KEYS);
    const back = await one.claim(KEYS, 160, LEASE_MS);
    expect(back.work).toEqual(["e/x", "f/x", "g/x"]);
    await deleteTestKeys(url as string, prefix);
  });

  it("a boundary taken under a clock that was ahead does not block current boundaries", async () => {
    const one = open("one");
    const now = Math.floor(Date.now() / 1000);
    expect((await one.claim(KEYS, now + 3600, LEASE_MS)).work).toEqual(KEYS);
    expect((await one.claim(KEYS, now, LEASE_MS)).work).toEqual(KEYS);
    expect((await one.claim(KEYS, now, LEASE_MS)).work).toEqual([]);
    await deleteTestKeys(url as string, prefix);
  });

  it("a member that yields keeps no key, and gets its share again when it is back", async () => {
    const [one, two] = [open("one"), open("two")];
    await one.claim(KEYS, 100, LEASE_MS);
    await one.leave();
    expect((await two.claim(KEYS, 130, LEASE_MS)).work).toEqual(KEYS);
    expect((await one.claim(KEYS, 160, LEASE_MS)).held).toEqual(["e/x", "f/x", "g/x"]);
    await deleteTestKeys(url as string, prefix);
  });

  it("the keys of a member that leaves are free immediately", async () => {
    const [one, two] = [open("one"), open("two")];
    await one.claim(KEYS, 100, LEASE_MS);
    await one.close();
    expect((await two.claim(KEYS, 100, LEASE_MS)).held).toEqual(KEYS);
    expect((await two.claim(KEYS, 130, LEASE_MS)).work).toEqual(KEYS);
    await deleteTestKeys(url as string, prefix);
  });

  it("members with different configurations leave no key without an owner, and remove keys that none of them wants", async () => {
    const [one, two] = [open("one"), open("two")];
    await one.claim(KEYS, 100, LEASE_MS);
    await two.claim(["a/x", "b/x", "z/x"], 100, LEASE_MS);
    const worked = [
      ...(await one.claim(KEYS, 130, LEASE_MS)).work,
      ...(await two.claim(["a/x", "b/x", "z/x"], 130, LEASE_MS)).work,
    ];
    expect(worked.sort()).toEqual([...KEYS, "z/x"]);
    await one.claim(["a/x"], 160, LEASE_MS);
    await two.claim(["a/x"], 160, LEASE_MS);
    expect(await redis.hkeys(prefix + LEASES_KEY)).toEqual(["a/x"]);
    await deleteTestKeys(url as string, prefix);
  });

  it("a lease from before the clock was set back is shortened to its length", async () => {
    const [one, two] = [open("one"), open("two")];
    await one.claim(KEYS, 100, LEASE_MS);
    await redis.zadd(prefix + MEMBERS_KEY, Date.now() + 3_600_000, "one");
    await two.claim(KEYS, 100, LEASE_MS);
    expect(Number(await redis.zscore(prefix + MEMBERS_KEY, "one"))).toBeLessThanOrEqual(Date.now() + 61_000);
    await one.claim(KEYS, 130, 300_000);
    await two.claim(KEYS, 130, 1_000);
    expect(Number(await redis.zscore(prefix + MEMBERS_KEY, "one"))).toBeGreaterThan(Date.now() + 200_000);
    await deleteTestKeys(url as string, prefix);
  });

  it("however members join, leave and pause, no boundary of a key is taken twice, and none is missed while all are alive", async () => {
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
            const claim = await live.get(name)?.claim(KEYS, boundary, LEASE_MS);
            worked.push(...(claim?.work ?? []));
          }
          expect(worked.sort()).toEqual(KEYS);
          for (const name of order) {
            const held = (await live.get(name)?.claim(KEYS, boundary, LEASE_MS))?.held;
            if (held !== undefined) counts.push(held.length);
          }
          expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(KEYS.length);
          if (silenced !== null && live.size > 1 && live.delete(silenced)) await silence(silenced);
        }
        // Once no member joins or leaves, the numbers of keys differ by one at most.
        const settled: number[] = [];
        for (let round = 0; round < 2; round++) {
          for (const leases of live.values())
            settled.push((await leases.claim(KEYS, 1000 + round, LEASE_MS)).held.length);
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
