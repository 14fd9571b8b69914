import {
  CircuitState as CockatielState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  fullJitterGenerator,
  handleAll,
  handleWhen,
  type IBackoff,
  type IBackoffFactory,
  type IPolicy,
  isBrokenCircuitError,
  retry,
  wrap,
} from "cockatiel";
import { asError } from "./as-error.ts";

export type CircuitState = "closed" | "half-open" | "open";

const STATES: Readonly<Record<CockatielState, CircuitState>> = {
  [CockatielState.Closed]: "closed",
  [CockatielState.HalfOpen]: "half-open",
  [CockatielState.Open]: "open",
  [CockatielState.Isolated]: "open",
};

/** When a circuit opens, and when it lets a trial call through. */
export interface CircuitOptions {
  /** Consecutive failures that open the circuit. */
  readonly failures: number;
  /** How long the circuit stays open before one trial call is let through. */
  readonly cooldownSeconds: number;
  /** Seconds on a monotonic clock. */
  readonly stopwatch: () => number;
  /** @param reason the last failure, if there was one */
  readonly onChange: (state: CircuitState, reason: Error | null) => void;
}

/** The call was refused because the circuit is open after consecutive failures. */
export class CircuitOpen extends Error {
  override readonly name = "CircuitOpen";
  readonly code = "CIRCUIT_OPEN";
}

/** Guards the calls to a dependency. */
export interface CircuitBreaker {
  /** Runs the call. @throws CircuitOpen immediately while the circuit is open; any error of the call */
  run<T>(call: () => Promise<T>): Promise<T>;
  /**
   * Runs an idempotent call and retries it with backoff after a transient failure.
   * @param mayRepeat returns whether another retry is allowed; called after each failure, always true by default
   * @throws CircuitOpen immediately while the circuit is open; any error of the last attempt
   */
  runWithRetry<T>(call: () => Promise<T>, mayRepeat?: () => boolean): Promise<T>;
  readonly state: () => CircuitState;
}

/** Lets every call through, without retries. */
export const NO_CIRCUIT_BREAKER: CircuitBreaker = {
  run: (call) => call(),
  runWithRetry: (call) => call(),
  state: () => "closed",
};

const RETRIES = 2;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 1_000;

/**
 * Makes a circuit breaker: it refuses calls while a dependency is unavailable and lets one trial call through after
 * each cooldown.
 * @param what names the dependency in errors
 * @param isAway returns whether an error means that the dependency is unavailable, rather than that it rejected the
 * call
 * @param isPassing returns which of those errors are transient and may be retried; a timeout should not be, as the
 * caller
 * would wait twice
 */
export function makeCircuitBreaker(
  what: string,
  options: CircuitOptions,
  isAway: (error: unknown) => boolean,
  isPassing: (error: unknown) => boolean = isAway,
): CircuitBreaker {
  const { failures, cooldownSeconds, stopwatch, onChange } = options;
  const circuit = circuitBreaker(handleAll, {
    halfOpenAfter: cooldown(cooldownSeconds, stopwatch),
    breaker: new ConsecutiveBreaker(failures),
  });
  let lastFailure: Error | null = null;
  circuit.onStateChange((state) => onChange(STATES[state], lastFailure));
  // Full jitter: Brooker, "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015).
  const backoff = new ExponentialBackoff({
    generator: fullJitterGenerator,
    initialDelay: FIRST_DELAY_MS,
    maxDelay: MAX_DELAY_MS,
  });

  async function through<T>(policy: Pick<IPolicy, "execute">, call: () => Promise<T>): Promise<T> {
    // The library would queue further calls behind the trial call.
    if (circuit.state === CockatielState.HalfOpen) throw refused();
    // An error from a dependency that answered must not count as a failure of the circuit.
    const attempt = async (): Promise<{ value: T } | { error: unknown }> => {
      try {
        return { value: await call() };
      } catch (error) {
        if (!isAway(error)) return { error };
        lastFailure = asError(error);
        throw error;
      }
    };
    const outcome = await policy.execute(attempt).catch((error: unknown) => {
      throw isBrokenCircuitError(error) ? refused() : error;
    });
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }

  function refused(): CircuitOpen {
    return new CircuitOpen(
      `${what}: circuit open after ${failures} consecutive failures; it is retried every ${cooldownSeconds} s`,
    );
  }

  return {
    run: (call) => through(circuit, call),
    runWithRetry: (call, mayRepeat = () => true) => {
      const again = retry(
        handleWhen((error) => isPassing(error) && mayRepeat()),
        { maxAttempts: RETRIES, backoff },
      );
      return through(wrap(again, circuit), call);
    },
    state: () => STATES[circuit.state],
  };
}

/** A cooldown on the monotonic clock: the library uses the wall clock, and would wait longer if that is set back. */
function cooldown(seconds: number, stopwatch: () => number): IBackoffFactory<unknown> {
  const next = (): IBackoff<unknown> => {
    const until = stopwatch() + seconds;
    return {
      get duration() {
        return stopwatch() < until ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
      },
      next,
    };
  };
  return { next };
}
