import type { Guard } from "./guard.ts";

/**
 * Tries a dependency after each cooldown for as long as its circuit is not closed, until `stop`: where nobody asks for it,
 * nobody would notice that it is back.
 * @param ping asks it through the guard
 */
export function probeWhileOpen(
  { state }: Pick<Guard, "state">,
  cooldownSeconds: number,
  ping: () => Promise<unknown>,
): { readonly stop: () => void } {
  const timer = setInterval(() => {
    // What it fails with is the circuit's to tell.
    if (state() !== "closed") ping().catch(() => {});
  }, cooldownSeconds * 1000);
  return { stop: () => clearInterval(timer) };
}
