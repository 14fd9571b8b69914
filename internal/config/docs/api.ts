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

  "api.request_timeout_seconds": `
    Seconds that a request may take before it is answered with an error, and that a client may take to send it.
  `,

  "api.query_timeout_seconds": "Seconds that one query may take for a request; less than the request.",

  "api.max_in_flight": "Requests that may be waiting for their answer at once; further ones are told to come back.",

  "api.rate_limit_per_minute": `
    Requests that one client may make in a minute, which begins with its first; 0 for as many as it likes. A client is an
    address (of IPv6 a /64), or an API key. Counted for all API processes together, by way of Redis; within the process
    where [redis] url is "memory:", and while Redis is away.
  `,

  "api.trusted_proxies": `
    Proxies in front of the API, by address or range, such as ["127.0.0.1", "10.0.0.0/8"]: only these are believed when
    they name the client in X-Forwarded-For.
  `,

  "api.cors_origins": `
    Origins whose pages may ask this API in a browser: ["https://example.org"], or ["*"] for any.
  `,

  "api.require_key": "true answers nobody without an API key.",

  "api.keys": `
    API keys, sent as "Authorization: Bearer KEY". Only their hashes stand here: \`stellarindex key NAME\` makes a key and
    prints the table to add. One [[api.keys]] each, with a name and a limit of its own if you like:
  `,
};
