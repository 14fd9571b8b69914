import type { Docs } from "./type.ts";

/** The prose of `[api]`. */
export const apiDocs: Docs = {
  "api.listen": `
    Address of the API, as host:port. "0.0.0.0:8080" or "[::]:8080" listens on all addresses; port 0 picks a free port.
  `,

  "api.ops_listen": "Address of the API's health checks and metrics, as host:port. Keep it private.",

  "api.price_freshness_seconds": `
    /v1/price answers a published value if its bucket ended at most this many seconds ago. Otherwise it computes the latest
    closed bucket.
  `,

  "api.request_timeout_seconds": `
    Timeout of a request, in seconds: for the client to send it, and for the API to answer it.
  `,

  "api.query_timeout_seconds": `
    Timeout of one database query of a request, in seconds; less than request_timeout_seconds.
  `,

  "api.max_in_flight": "The most requests in progress at once; further ones are answered 503 with Retry-After.",

  "api.rate_limit_per_minute": `
    Requests per minute and client; 0 means no limit. A client is an IP address (for IPv6 a /64) or an API key, and its
    minute begins with its first request. All API processes count together through Redis; each counts alone if [redis] url
    is "memory:", and while Redis is unavailable.
  `,

  "api.trusted_proxies": `
    Addresses or ranges of the proxies in front of the API, such as ["127.0.0.1", "10.0.0.0/8"]. X-Forwarded-For is read
    only from these.
  `,

  "api.cors_origins": `
    Origins whose pages may call this API from a browser (CORS): ["https://example.org"], or ["*"] for any.
  `,

  "api.require_key": "true refuses requests without an API key.",

  "api.keys": `
    API keys, sent as "Authorization: Bearer KEY". Only their hashes are stored here: \`stellarindex key NAME\` makes a key
    and prints the table to add. Write one [[api.keys]] per key, optionally with \`scopes\`, which list what the key may do
    (default: "prices:read", reading prices), and with a rate limit of its own:
  `,
};
