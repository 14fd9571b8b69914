import { type CircuitBreaker, NO_CIRCUIT_BREAKER } from "./circuit-breaker.ts";

/**
 * Timer runs per cooldown. The cooldown does not start with this timer; a probe while the circuit is open is refused
 * without cost.
 */
const RUNS_PER_COOLDOWN = 4;

/**
 * Probes a dependency once per cooldown while it is healthy, and as soon as the circuit allows while it is not, until
 * `stop`. Without traffic the circuit would notice neither an outage nor the recovery.
 * @param ping calls the dependency through the breaker; it is not called with NO_CIRCUIT_BREAKER
 */
export function keepProbing(
  breaker: Pick<CircuitBreaker, "state">,
  cooldownSeconds: number,
  ping: () => Promise<unknown>,
): { readonly stop: () => void } {
  if (breaker === NO_CIRCUIT_BREAKER) return { stop: () => {} };
  let isProbing = false;
  let isHealthy = true;
  let runsSinceProbe = 0;
  async function probe(): Promise<void> {
    runsSinceProbe++;
    const maySkip = isHealthy && breaker.state() === "closed" && runsSinceProbe < RUNS_PER_COOLDOWN;
    if (isProbing || maySkip) return;
    isProbing = true;
    runsSinceProbe = 0;
    // The circuit reports the error.
    isHealthy = await ping().then(
      () => true,
      () => false,
    );
    isProbing = false;
  }
  const timer = setInterval(probe, (cooldownSeconds * 1000) / RUNS_PER_COOLDOWN);
  return { stop: () => clearInterval(timer) };
}
