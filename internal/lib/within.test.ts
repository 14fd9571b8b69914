import { expect, it } from "vitest";
import { within } from "./within.ts";

it("settles as the promise does, or rejects once the time is over", async () => {
  expect(await within(60, Promise.resolve(1), "late")).toBe(1);
  await expect(within(60, Promise.reject(new Error("refused")), "late")).rejects.toThrow("refused");
  await expect(within(0.001, new Promise(() => {}), "late")).rejects.toThrow("late");
});
