import { z } from "@hono/zod-openapi";
import { formatTime } from "../../canonical/time.ts";
import type { ApiApp } from "../../http/route.ts";
import { type KeptMessage, listUnread, MOST_UNREAD } from "../../storage/control/unread-messages.ts";
import type { ControlService } from "./context.ts";
import { idField, limitField, pageFrom, pageOf, sourceField } from "./fields.ts";
import { addControlRoute } from "./route.ts";

const messageSchema = z
  .object({
    message_id: z.string(),
    source: z.string(),
    received_at: z.string(),
    reason: z.string().openapi({ description: "why it could not be understood" }),
    message: z.string().openapi({ description: "as it came, at most its first 10 000 characters" }),
  })
  .openapi("UnreadMessage");
const page = pageOf(messageSchema).openapi("UnreadMessages");

const EXAMPLE = {
  message_id: "41",
  source: "coinbase",
  received_at: "2026-08-09T22:30:00Z",
  reason: "price is missing",
  message: '{"type":"match","trade_id":50004,"size":"10.5","product_id":"XLM-USD"}',
};

/** Adds the route that shows what collectors could not understand. */
export function addUnreadMessageRoutes(app: ApiApp, service: ControlService): void {
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/unread-messages",
      tag: "Feeds",
      operationId: "listUnreadMessages",
      summary: "Messages of venues that could not be understood, newest first",
      description: `Lists what collectors have kept, at most the newest ${MOST_UNREAD} of each source. A trade among them is missing until a job for its gap, or a run of its feed, has fetched it.`,
      scope: "control:read",
      query: z.strictObject({ source: sourceField.optional(), limit: limitField, cursor: idField.optional() }),
      answer: page,
      example: { data: [EXAMPLE], next: null },
    },
    async ({ tenant, query: { source = null, limit, cursor = null } }) => {
      const filter = { source, before: cursor, limit: limit + 1 };
      const messages = await listUnread(service.database.sql, tenant, filter);
      return pageFrom(messages, limit, ({ messageId }) => String(messageId), shown);
    },
  );
}

function shown({ messageId, receivedAt, ...message }: KeptMessage) {
  return { message_id: String(messageId), received_at: formatTime(receivedAt), ...message };
}
