import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { formatTime, seconds } from "../../canonical/time.ts";
import { openMemoryStore } from "./store.ts";

test("expired values are removed", async () => {
  let clock = 0n;
  const store = openMemoryStore(() => clock);
  const before = heldBytes();
  for (let round = 0; round < 1000; round++) {
    const value = Buffer.alloc(100_000, round).toString("latin1");
    await store.publish([{ key: `key-${round}`, value, to: formatTime(clock), ttlSeconds: 10 }]);
    clock += seconds(1);
  }
  expect(await store.read(["key-989", "key-990", "key-999"])).toEqual([null, null, expect.any(String)]);
  expect(heldBytes() - before).toBeLessThan(20_000_000);
  await store.close();
});

function heldBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}
