import { asError } from "../../lib/as-error.ts";

/** Passes that are made one after the other. */
export interface Passes {
  /** Asks for a pass that begins after this call; any number of calls before it ask for one. */
  readonly wake: () => void;
  /**
   * Makes a pass at once, and then regularly and whenever one is asked for. Resolves once the signal has aborted and the
   * running pass has ended.
   * @param onFailure gets the error of a pass; the next one is made all the same
   */
  readonly run: (
    pass: (signal: AbortSignal) => Promise<void>,
    onFailure: (error: Error) => void,
    signal: AbortSignal,
  ) => Promise<void>;
}

/** @param everySeconds between two passes that nobody asks for */
export function makePasses(everySeconds: number): Passes {
  let isAsked = false;
  let awaken = (): void => {};

  const wake = (): void => {
    isAsked = true;
    awaken();
  };

  /** Resolves when a pass is due. */
  async function due(): Promise<void> {
    if (isAsked) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, everySeconds * 1000);
      awaken = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  return {
    wake,
    run: async (pass, onFailure, signal) => {
      signal.addEventListener("abort", wake, { once: true });
      while (!signal.aborted) {
        isAsked = false;
        try {
          await pass(signal);
        } catch (error) {
          if (!signal.aborted) onFailure(asError(error));
        }
        await due();
      }
    },
  };
}
