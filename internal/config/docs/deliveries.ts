import type { Docs } from "./type.ts";

/** The prose of `[[deliveries]]`. */
export const deliveriesDocs: Docs = {
  deliveries: `
    Who is told of events, and how: a webhook is posted the event under the headers and signatures of Standard Webhooks, a GraphQL API
    gets a mutation. An event goes to each destination whose \`events\` (a \`*\` at the end stands for all types that begin so), \`pairs\`
    and \`where\` it meets. \`rate\` and \`burst\` bound the pace, \`concurrency\` the requests at once; with \`ordering = "per_key"\` events of
    one key arrive in the order of their recording. \`retry\` gives the pause after each failed attempt; after the last one the delivery is a
    dead letter. By default there is no limit of pace, 8 requests are made at once, each has 10 seconds, and ten more attempts follow the
    first one within 48 hours.

    \`headers\` and \`secrets\` may be read from a variable of the environment, of any name that does not begin with STELLARINDEX_, or from a
    file (without its last line end), when the destination is set up. Each request of a webhook is signed with every one of its \`secrets\`, so that both are valid while the receiver changes from one
    to the other: \`whsec_\` signs with HMAC-SHA256 (v1), \`whsk_\` with Ed25519 (v1a). Only public addresses are connected to, and besides
    those in \`allow\`; http needs its address there.

    \`body\` and \`variables\` say what is sent: a plain value as it is, \`{ from = "/pointer" }\` what a JSON Pointer finds in the event's
    data, \`{ event = "id" }\` a fact of the event itself (id, type, sender, pair, sequence, recorded_at, or delivery_id, which is the same at each
    attempt), and a table of such a table. \`table\` replaces what is found by what stands beside it. What is not found makes the attempt
    fail, unless there is a \`default\`, or \`missing\` is "null" or "omit". Without \`body\` a webhook gets type, timestamp and data:
  `,
};
