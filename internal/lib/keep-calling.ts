import { asError } from "./as-error.ts";

/**
 * Calls `work` at once and then on a timer, until `stop`; never twice at the same time.
 * @param onFailure gets the error of a call; the next one is made all the same
 */
export function keepCalling(
  everySeconds: number,
  work: () => Promise<unknown>,
  onFailure: (error: Error) => void,
): { readonly stop: () => void } {
  let isRunning = false;
  async function run(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    try {
      await work();
    } catch (error) {
      onFailure(asError(error));
    } finally {
      isRunning = false;
    }
  }
  void run();
  const timer = setInterval(run, everySeconds * 1000);
  return { stop: () => clearInterval(timer) };
}
