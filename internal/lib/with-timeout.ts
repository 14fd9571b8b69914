/** A signal that aborts with another one, or after a time. */
export interface Within {
  readonly signal: AbortSignal;
  /** Whether the time was over first. */
  readonly isLate: () => boolean;
  /** Aborts the signal, and leaves no timer and no listener. */
  readonly end: () => void;
}

/** Returns a signal that aborts with `outer`, or after the time; the caller has to end it. */
export function withTimeout(outer: AbortSignal, milliseconds: number): Within {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    abort();
  }, milliseconds);
  outer.addEventListener("abort", abort, { once: true });
  if (outer.aborted) abort();
  return {
    signal: controller.signal,
    isLate: () => isLate,
    end: () => {
      clearTimeout(timer);
      outer.removeEventListener("abort", abort);
      abort();
    },
  };
}
