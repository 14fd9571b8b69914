/**
 * Flags of processes that run for seconds, and of the embedded engines that they start: WebAssembly is compiled quickly
 * without optimisation, which would not pay off for an engine that answers a few queries.
 */
export const SHORT_LIVED = ["--liftoff-only", "--no-wasm-tier-up"] as const;
