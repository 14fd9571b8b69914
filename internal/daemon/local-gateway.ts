import type { Config } from "../config/schema.ts";
import { isLoopback } from "../config/sections/fields.ts";
import { GATEWAY_DOCUMENT } from "../ingest/gateway/app.ts";
import { EVENTS_PATH } from "../ingest/gateway/post-event.ts";
import type { GatewayService } from "../ingest/gateway/service.ts";
import { TRADES_PATH } from "../ingest/gateway/trades-route.ts";
import type { ServedBeside } from "./api.ts";
import { gatewayAccess } from "./gateway.ts";

/**
 * Returns the gateway as `start` serves it, at the address of the API. Where that is an address of this machine only,
 * trades and events are taken without a key.
 */
export function localGateway(config: Config, service: GatewayService): ServedBeside {
  const open = gatewayAccess(config, service, { isOpen: true });
  const closed = gatewayAccess(config, service, { isOpen: false });
  const isLocal = isLoopback(config.api.listen.host);
  // A page of another site, whose name leads to this machine, is not the user.
  const accessOf = (host: string) =>
    isLocal && isLoopback(host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1")) ? open : closed;
  return {
    isOwn: (path) => path === TRADES_PATH || path === GATEWAY_DOCUMENT || `${path}/`.startsWith(`${EVENTS_PATH}/`),
    access: {
      fetch: (request, env) => accessOf(env.incoming.headers.host ?? "").fetch(request, env),
      answerError: closed.answerError,
    },
  };
}
