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
import { asError } from "../canonical/as-error.ts";

export type CircuitState = "closed" | "half-open" | "open";

const STATES: Readonly<Record<CockatielState, CircuitState>> = {
  [CockatielState.Closed]: "closed",
  [CockatielState.HalfOpen]: "half-open",
  [CockatielState.Open]: "open",
  [CockatielState.Isolated]: "open",
};

/** When a circuit opens and is tried again. */
export interface CircuitOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it then stays open before one call is let through. */
  readonly cooldownSeconds: number;
  /** Seconds on a clock that only goes forward. */
  readonly stopwatch: () => number;
  /** @param reason the last failure, where there was one */
  readonly onChange: (state: CircuitState, reason: Error | null) => void;
}

/** A call was refused because the dependency failed too often in a row. */
export class CircuitOpen extends Error {
  override readonly name = "CircuitOpen";
  readonly code = "CIRCUIT_OPEN";
}

/** What calls to a dependency go through. */
export interface Guard {
  /** @throws CircuitOpen at once while the dependency is away; what the call throws */
  run<T>(call: () => Promise<T>): Promise<T>;
  /**
   * As `run`, for a call that may be made twice: where it failed in passing it is made again, soon.
   * @param mayRepeat whether it still may, asked after each failure; by default always
   * @throws CircuitOpen at once while the dependency is away; what the last call throws
   */
  runSafely<T>(call: () => Promise<T>, mayRepeat?: () => boolean): Promise<T>;
  readonly state: () => CircuitState;
}

/** Lets every call through, once. */
export const NO_GUARD: Guard = { run: (call) => call(), runSafely: (call) => call(), state: () => "closed" };

const RETRIES = 2;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 1_000;

/**
 * Refuses calls while a dependency is away, so that nobody waits for it, and tries it with one call after each cooldown.
 * @param what names the dependency in errors
 * @param isAway whether an error says that the dependency cannot be reached, as opposed to having refused a call
 * @param isPassing after which of those errors a safe call is made again, so that nobody waits twice for a silent one
 */
export function makeGuard(
  what: string,
  options: CircuitOptions,
  isAway: (error: unknown) => boolean,
  isPassing: (error: unknown) => boolean = isAway,
): Guard {
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
    maxDelay: LONGEST_DELAY_MS,
  });

  async function through<T>(policy: Pick<IPolicy, "execute">, call: () => Promise<T>): Promise<T> {
    // The library would let others wait for the one call that tries.
    if (circuit.state === CockatielState.HalfOpen) throw refused();
    // A call that was refused was answered.
    const answer = async (): Promise<{ value: T } | { error: unknown }> => {
      try {
        return { value: await call() };
      } catch (error) {
        if (!isAway(error)) return { error };
        lastFailure = asError(error);
        throw error;
      }
    };
    const answered = await policy.execute(answer).catch((error: unknown) => {
      throw isBrokenCircuitError(error) ? refused() : error;
    });
    if ("error" in answered) throw answered.error;
    return answered.value;
  }

  function refused(): CircuitOpen {
    return new CircuitOpen(`${what} failed ${failures} times in a row and is tried again every ${cooldownSeconds} s`);
  }

  return {
    run: (call) => through(circuit, call),
    runSafely: (call, mayRepeat = () => true) => {
      const again = retry(
        handleWhen((error) => isPassing(error) && mayRepeat()),
        { maxAttempts: RETRIES, backoff },
      );
      return through(wrap(again, circuit), call);
    },
    state: () => STATES[circuit.state],
  };
}

/** The library looks at the wall clock, and would wait for as long as that was set back. */
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
