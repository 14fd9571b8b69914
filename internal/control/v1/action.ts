import { z } from "@hono/zod-openapi";
import type { Principal } from "../../http/principal.ts";
import type { ProblemKind } from "../../http/problem.ts";
import type { ApiApp } from "../../http/route.ts";
import type { Actor } from "../../storage/control/audit.ts";
import type { ControlService } from "./context.ts";
import { reasonFields } from "./fields.ts";
import { addControlRoute, type ControlRoute } from "./route.ts";

const changedSchema = z
  .object({ changed: z.boolean().openapi({ description: "false where all was so already, or there was none" }) })
  .openapi("Changed");

/** An action: who does it has to say why, and the audit log keeps it. */
interface Action<Params extends z.ZodType, Fields extends z.ZodRawShape>
  extends Omit<ControlRoute<Params, z.ZodType, z.ZodType>, "method" | "query" | "body" | "answer" | "example"> {
  /** The fields of the body beside the reason. */
  readonly fields: Fields;
  /** By default whether anything changed. */
  readonly answer?: z.ZodType;
  readonly example?: unknown;
  readonly problems?: readonly ProblemKind[];
}

type BodyOfAction<Fields extends z.ZodRawShape> = z.output<z.ZodObject<Fields & typeof reasonFields>>;

/** Adds the route of an action; `act` returns the document to answer with. */
export function addAction<Params extends z.ZodType, Fields extends z.ZodRawShape>(
  app: ApiApp,
  service: ControlService,
  { fields, answer = changedSchema, example = { changed: true }, description, ...route }: Action<Params, Fields>,
  act: (actor: Actor, params: z.output<Params>, body: BodyOfAction<Fields>, principal: Principal) => Promise<unknown>,
): void {
  const body = z.strictObject({ ...fields, ...reasonFields });
  const whole = {
    ...route,
    method: "post",
    description: `${description} The audit log keeps who did it, and why.`,
  } as const;
  addControlRoute(
    app,
    service,
    { ...whole, body, answer, example },
    ({ tenant, actor, principal, params, body: given }) => {
      const read = given as BodyOfAction<Fields> & { reason: string; ticket: string | null };
      return act({ tenant, name: actor, reason: read.reason, ticket: read.ticket }, params, read, principal);
    },
  );
}
