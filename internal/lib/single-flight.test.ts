import { expect, it } from "vitest";
import { makeSingleFlight } from "./single-flight.ts";

/** Computations that end when they are told to. */
function heldComputations() {
  const begun: { readonly resolve: (value: string) => void; readonly reject: (error: Error) => void }[] = [];
  return { begun, compute: () => new Promise<string>((resolve, reject) => begun.push({ resolve, reject })) };
}

it("shares a running computation by key, and computes anew once it has ended", async () => {
  const { begun, compute } = heldComputations();
  const share = makeSingleFlight<string>();
  const asked = [share("a", null, compute), share("a", null, compute), share("b", null, compute)];
  expect(begun).toHaveLength(2);
  begun[0]?.resolve("one");
  begun[1]?.resolve("two");
  expect(await Promise.all(asked)).toEqual(["one", "one", "two"]);
  const again = share("a", null, compute);
  expect(begun).toHaveLength(3);
  begun[2]?.resolve("three");
  expect(await again).toBe("three");
});

it("shares a failure with those who wait for it, and with no later call", async () => {
  const { begun, compute } = heldComputations();
  const share = makeSingleFlight<string>();
  for (const step of [null, 1n]) {
    const asked = Promise.allSettled([share("a", step, compute), share("a", step, compute)]);
    begun.at(-1)?.reject(new Error("down"));
    expect((await asked).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  }
  const later = share("a", 1n, compute);
  begun.at(-1)?.resolve("up");
  expect(await later).toBe("up");
  expect(begun).toHaveLength(3);
});

it("keeps the results of a step until a later one", async () => {
  let computed = 0;
  const share = makeSingleFlight<number>();
  const ask = (key: string, step: bigint | null) => share(key, step, async () => ++computed);
  expect([await ask("a", 5n), await ask("a", 5n), await ask("b", 5n)]).toEqual([1, 1, 2]);
  // An earlier step drops nothing, and takes what is there.
  expect(await ask("a", 4n)).toBe(1);
  expect(await ask("a", 6n)).toBe(3);
  expect(await ask("b", 6n)).toBe(4);
  // A result of an earlier step is not kept for the present one.
  expect(await ask("c", 5n)).toBe(5);
  expect(await ask("c", 6n)).toBe(6);
});

it("does not let the end of an old computation drop the one that replaced it", async () => {
  const { begun, compute } = heldComputations();
  const share = makeSingleFlight<string>();
  const old = share("a", 1n, compute);
  const present = share("a", 2n, compute);
  begun[0]?.reject(new Error("down"));
  await expect(old).rejects.toThrow("down");
  expect(share("a", 2n, compute)).toBe(present);
  begun[1]?.resolve("up");
  expect(await present).toBe("up");
  expect(begun).toHaveLength(2);
});
