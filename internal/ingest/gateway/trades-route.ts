import { ANY_SOURCE } from "../../canonical/trade-rules.ts";
import { addRoute } from "../../http/add-route.ts";
import type { ReceivedStream, StreamedBody } from "../../http/body.ts";
import type { Principal } from "../../http/principal.ts";
import { PROBLEMS, Problem } from "../../http/problem.ts";
import type { ApiApp } from "../../http/route.ts";
import type { Serving } from "../../http/serving.ts";
import { NotDurable } from "../durable-writes.ts";
import { type Answer, answerOnce } from "./answer-once.ts";
import { rowsAnswered, writeRefused } from "./events.ts";
import { type ObservedBody, observeBody } from "./observed-body.ts";
import { GATEWAY_PROBLEMS } from "./problems.ts";
import type { Sender } from "./read-trade.ts";
import { refusalOf } from "./refusal.ts";
import type { GatewayService } from "./service.ts";
import { JSON_TYPE, LINES_TYPE, takeRows } from "./take-rows.ts";
import { reportSchema, tradeSchema, tradesSchema } from "./trade-schema.ts";

export const TRADES_PATH = "/v1/trades";

/** The scope that writes trades. The sources that go with it are scopes like {@link sourceScope}. */
export const TRADES_WRITE = "trades:write";

/** Returns the scope that a key has for each source whose trades it may write. */
export function sourceScope(source: string): string {
  return `${TRADES_WRITE}:${source}`;
}

/** A stream has no end; the memory of a request is bounded all the same, as its rows are written in groups. */
const BODY: StreamedBody = {
  content: { [JSON_TYPE]: tradesSchema, [LINES_TYPE]: tradeSchema },
  maxBytes: Number.MAX_SAFE_INTEGER,
};

const DESCRIPTION =
  `Takes one trade or a list of them as JSON, or a stream of any length as NDJSON, one trade a line; plain or with
\`Content-Encoding: gzip\`. Once this answers with 200 or 202, every row but the rejected ones is on disk. 200: the trades
are stored. 202: some are in the journal, and are stored once the database takes them. 422 with a report: every row is
rejected. Any request may be repeated: a trade is identified by pair, time, source and id, and is stored once. With an
\`Idempotency-Key\`, a repeated request gets the first answer.`.replaceAll("\n", " ");

const EXAMPLE = { new: 1, known: 0, conflict: 0, rejected: 0, journalled: 0, rows: [{ row: 1, status: "new" }] };
const JOURNALLED = { ...EXAMPLE, new: 0, journalled: 1, rows: [{ row: 1, status: "journalled" }] };

/** Adds `POST /v1/trades`. */
export function addTradesRoute(app: ApiApp, serving: Serving<"read" | "write">, service: GatewayService): void {
  addRoute(
    app,
    serving,
    {
      method: "post",
      path: TRADES_PATH,
      tag: "Trades",
      operationId: "postTrades",
      summary: "Store trades",
      description: DESCRIPTION,
      scope: TRADES_WRITE,
      admission: "write",
      body: BODY,
      answers: {
        200: { description: "The trades are stored", schema: reportSchema, example: EXAMPLE },
        202: { description: "Some trades are in the journal", schema: reportSchema, example: JOURNALLED },
      },
      problems: Object.values(GATEWAY_PROBLEMS),
    },
    async ({ principal, body }, c) => {
      const observed = observeBody(body.bytes, body.contentType);
      const sender = senderOf(principal, service);
      const answer = () => takeAll(service, observed, body, sender);
      return answerOnce(service, c.req.header("Idempotency-Key"), sender.name, observed, answer);
    },
  );
}

function senderOf({ key, scopes }: Principal, { now }: GatewayService): Sender {
  const writable = new Set(scopes);
  const isAny = writable.has(sourceScope(ANY_SOURCE));
  return { name: key ?? "", mayWrite: (source) => isAny || writable.has(sourceScope(source)), now };
}

async function takeAll(
  service: GatewayService,
  observed: ObservedBody,
  { contentType }: ReceivedStream,
  sender: Sender,
): Promise<Answer> {
  try {
    const report = await takeRows(service, observed, contentType, sender);
    const { counts } = report;
    rowsAnswered.publish({ counts });
    const isAllRejected = counts.rejected > 0 && counts.new + counts.known + counts.conflict + counts.journalled === 0;
    const status = isAllRejected ? 422 : counts.journalled > 0 ? 202 : 200;
    return { status, answer: JSON.stringify(report.answer()) };
  } catch (error) {
    if (error instanceof NotDurable) writeRefused.publish({ reason: refusalOf(error), error });
    if (error instanceof Problem && isUnreadable(error)) {
      const { name } = sender;
      await service.keep({ kind: "malformed", sender: name, reason: error.message, contentType, ...observed.start() });
    }
    throw error;
  }
}

function isUnreadable({ kind }: Problem): boolean {
  return kind === PROBLEMS["malformed-body"] || kind === PROBLEMS["body-too-large"];
}
