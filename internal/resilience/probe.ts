import { type Guard, NO_GUARD } from "./guard.ts";

/** In a cooldown, which does not begin when this does; what comes too soon is refused and costs nothing. */
const TRIES = 4;

/**
 * Asks a dependency once in each cooldown while it answers, and as soon as its circuit lets anything through while it does
 * not, until `stop`: where nobody asks for it, nobody would notice that it is away, or back.
 * @param ping asks it through the guard; nothing is asked where that lets everything through
 */
export function keepProbing(
  guard: Pick<Guard, "state">,
  cooldownSeconds: number,
  ping: () => Promise<unknown>,
): { readonly stop: () => void } {
  if (guard === NO_GUARD) return { stop: () => {} };
  let isAsking = false;
  let isWell = true;
  let rested = 0;
  async function ask(): Promise<void> {
    rested++;
    const mayRest = isWell && guard.state() === "closed" && rested < TRIES;
    if (isAsking || mayRest) return;
    isAsking = true;
    rested = 0;
    // What it fails with is the circuit's to tell.
    isWell = await ping().then(
      () => true,
      () => false,
    );
    isAsking = false;
  }
  const timer = setInterval(ask, (cooldownSeconds * 1000) / TRIES);
  return { stop: () => clearInterval(timer) };
}
