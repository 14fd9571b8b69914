import { formatTime, MICROS_PER_SECOND } from "../../canonical/time.ts";
import type { Mapping } from "../../config/sections/mapping.ts";
import type { SigningSecret } from "../../lib/signing-secret.ts";
import { applyMapping } from "../mapping.ts";
import type { Protocol } from "../protocol.ts";
import type { OutgoingEvent } from "../sender.ts";
import { delivered, sentByStatus } from "../status.ts";
import { signaturesOf } from "./signatures.ts";

/**
 * Returns the protocol of a webhook under Standard Webhooks: any 2xx is a delivery, whatever the body.
 * @param body how the payload is made; undefined for type, timestamp and data
 */
export function webhookProtocol(secrets: readonly SigningSecret[], body: Mapping | undefined): Protocol {
  return {
    request: (event, deliveryId, now) => {
      const payload = body === undefined ? payloadOf(event) : applyMapping(body, event, deliveryId);
      const timestamp = String(now / MICROS_PER_SECOND);
      return {
        headers: {
          "webhook-id": deliveryId,
          "webhook-timestamp": timestamp,
          "webhook-signature": signaturesOf(secrets, deliveryId, timestamp, payload),
        },
        body: payload,
      };
    },
    read: (answer, reading) => sentByStatus(answer, reading) ?? delivered(answer.status),
  };
}

/** The payload that Standard Webhooks recommends; the data are the very text that was recorded. */
function payloadOf({ type, recordedAt, body }: OutgoingEvent): string {
  return `{"type":${JSON.stringify(type)},"timestamp":"${formatTime(recordedAt)}","data":${body}}`;
}
