import { createGatewayApp, GATEWAY_DOCUMENT } from "../../internal/ingest/gateway/app.ts";
import type { GatewayService } from "../../internal/ingest/gateway/service.ts";
import { stopwatch, systemClock } from "../../internal/lib/clock.ts";

/** Returns docs/reference/gateway/openapi.json: the OpenAPI document that the gateway serves, with line breaks. */
export async function gatewayDocument(): Promise<string> {
  // No trade is sent here.
  const service = { now: systemClock.now } as GatewayService;
  const settings = { maxInFlight: 1, requestTimeoutSeconds: 1, isOpen: false };
  const response = await createGatewayApp(service, settings, stopwatch).request(GATEWAY_DOCUMENT);
  return `${JSON.stringify(await response.json(), null, 2)}\n`;
}
