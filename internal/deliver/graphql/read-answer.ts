import { isObject, member, parseJson } from "../../lib/exact-json.ts";
import type { Sent } from "../sender.ts";
import { askedToWait, delivered, type Reading, retry, sentByStatus, throttled } from "../status.ts";
import type { Answer } from "../transport/post.ts";
import { isThrottle, secondsToRefill } from "./throttle.ts";

/**
 * Tells what a GraphQL server's answer means. Its status alone does not say: a mutation was done if there are no errors
 * and each of its fields has a value.
 */
export function readGraphqlAnswer(answer: Answer, reading: Reading): Sent {
  const { status, text, isTooLarge, failure } = answer;
  const byStatus = sentByStatus(answer, reading);
  if (byStatus?.outcome === "throttled" || byStatus?.outcome === "gone") return byStatus;
  if (failure !== null) return retry(failure.reason, failure.detail, status);
  const document = isTooLarge ? undefined : parsed(text);
  const errors = errorsOf(document);
  if (errors.some(isThrottle)) {
    const wait = askedToWait(answer, reading.now) ?? secondsToRefill(document);
    return throttled(status, reading.redact(messagesOf(errors)), wait);
  }
  if (byStatus !== null) return byStatus;
  if (isTooLarge) return retry("response_too_large", "the answer is longer than 64 KiB; ask for fewer fields", status);
  if (!isObject(document)) return retry("invalid_json", `no JSON object: ${reading.redact(text)}`, status);
  return readDocument(document, errors, status, reading);
}

function readDocument(document: unknown, errors: readonly unknown[], status: number, { redact }: Reading): Sent {
  const data = member(document, "data");
  const fields = isObject(data) ? Object.entries(data) : [];
  const empty = fields.filter(([, value]) => value === null).map(([name]) => name);
  const isPartial = empty.length < fields.length;
  if (errors.length > 0) {
    return retry(isPartial ? "partial_data" : "graphql_errors", redact(messagesOf(errors)), status);
  }
  if (fields.length === 0) return retry("no_data", "the answer has neither data nor errors", status);
  if (empty.length === 0) return delivered(status);
  return retry(isPartial ? "partial_data" : "no_data", redact(`null without an error: ${empty.join(", ")}`), status);
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** The errors of an answer. What stands there in another form than a list counts as one error, but for null. */
function errorsOf(document: unknown): readonly unknown[] {
  const errors = member(document, "errors");
  if (Array.isArray(errors)) return errors;
  return errors === undefined || errors === null ? [] : [errors];
}

function messagesOf(errors: readonly unknown[]): string {
  return errors
    .map((error) => {
      const [message, code] = [member(error, "message"), member(member(error, "extensions"), "code")];
      return `${typeof message === "string" ? message : "an error without a message"}${typeof code === "string" ? ` (${code})` : ""}`;
    })
    .join("; ");
}
