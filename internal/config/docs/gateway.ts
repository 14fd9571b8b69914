import type { Docs } from "./type.ts";

/** The prose of `[gateway]`. */
export const gatewayDocs: Docs = {
  "gateway.listen": "Address of the gateway, which takes trades and events over HTTP, as host:port.",

  "gateway.ops_listen": "Address of the gateway's health checks and metrics, as host:port. Keep it private.",

  "gateway.request_timeout_seconds": `
    Timeout of a request, in seconds: for the client to send it, and for the gateway to answer it. A long stream of NDJSON is
    one request.
  `,

  "gateway.max_in_flight": "The most requests in progress at once; further ones are answered 503 with Retry-After.",

  "gateway.journal": `
    Directory of the journal, which takes trades and events while the database does not; one for each gateway, on a disk that keeps what it
    acknowledges. A relative path counts from the working directory.
  `,

  "gateway.journal_max_mb": `
    The most megabytes (1000000 bytes) of the journal. Once it is full and the database away, requests are answered 503.
  `,

  "gateway.quarantine_max_mb": `
    How many megabytes (1000000 bytes) are kept of bodies that cannot be read. Trades in conflict with stored ones are always
    kept.
  `,

  "gateway.quarantine_max_age": "For how long bodies that cannot be read are kept.",

  "gateway.keys": `
    Keys of the gateway, sent as "Authorization: Bearer KEY"; every request needs one. Only their hashes are stored here:
    \`stellarindex key NAME --gateway\` makes a key. With the scope trades:write (the default) a key writes trades of the sources
    that it lists; with events:write it posts events, and sees its own; with events:read it sees the events of all. Several keys
    may have one name: to change a key, add the new one, and remove the old one once the sender has it:
  `,
};
