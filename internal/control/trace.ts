/** Returns the trace id of a W3C traceparent, by which logs of several programs are put together; null without one. */
export function traceIdOf(traceparent: string | null): string | null {
  return traceparent?.split("-")[1] ?? null;
}
