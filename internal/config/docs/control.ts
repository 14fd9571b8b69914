import type { Docs } from "./type.ts";

/** The prose of `[control]`. */
export const controlDocs: Docs = {
  "control.listen": `
    Address of the control API, as host:port: the ledger of jobs for operators, and the protocol of workers.
  `,

  "control.ops_listen": "Address of the control daemon's health checks and metrics, as host:port. Keep it private.",

  "control.request_timeout_seconds": `
    Timeout of a request, in seconds: for the client to send it, and for the daemon to answer it.
  `,

  "control.max_in_flight":
    "The most requests in progress at once, and half of them of one tenant; further ones are answered 503 with Retry-After.",

  "control.keep_ended_days": `
    Days for which jobs that have ended are kept, with their history and what is known of their artifacts; 0 keeps them for ever. Dead
    letters are kept until they are redriven, and the audit log always.
  `,

  "control.artifacts": `
    Directory of the files that jobs produce, named by their SHA-256; workers that do parts of one run share it. A relative
    path counts from the working directory.
  `,

  "control.fx_url": `
    Where \`fx.import\` finds the files of the European Central Bank, eurofxref-daily.xml and eurofxref-hist-90d.xml.
  `,

  "control.schedules": `
    Jobs of the tenant "default" that start by the clock; any number of daemons may have them, and each tick gets one job.
    Give either \`cron\`, read in \`time_zone\`, or \`every\`, which ticks at multiples since 1970. \`missed\` says what
    becomes of ticks at which no daemon ran: "skip" leaves them out, "coalesce" makes one job for all, "catch_up" one for
    each of the last hundred. \`overlap\` says what becomes of a tick while the job of the one before has not ended: "skip" makes none,
    "allow" makes another; "catch_up" needs "allow". \`jitter\` delays each job by a random part of it:
  `,

  "control.keys": `
    Keys of the control API, sent as "Authorization: Bearer KEY"; every request needs one. Only their hashes are stored here:
    \`stellarindex key NAME --control\` makes a key. A key sees one tenant, which the daemon creates when it starts. Its scopes are
    "control:read" (see everything), "control:operate" (also submit, cancel, retry, pause, limit), "control:admin" (also
    quotas, and pauses of the whole tenant) and "jobs:work" (the protocol of workers):
  `,
};
