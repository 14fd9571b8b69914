import type { Docs } from "./docs.ts";

/** The prose of `[api]`. */
export const apiDocs: Docs = {
  "api.listen": `
    Where the API listens, as host:port; "0.0.0.0:8080" or "[::]:8080" for every address. Port 0 lets the system choose.
  `,

  "api.ops_listen": "Where the API's health checks and metrics listen. Keep this address private.",

  "api.price_freshness_seconds": `
    How many seconds ago the bucket of a published value may have ended for /v1/price to answer with it; older ones are
    computed again for the latest closed bucket.
  `,
};
