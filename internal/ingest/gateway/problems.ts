import { PROBLEMS, Problem, problemKinds, temporaryProblem, timedOut } from "../../http/problem.ts";
import { isTimedOut, isUnavailable } from "../../storage/connection/errors.ts";
import { NotDurable } from "../durable-writes.ts";

/** The kinds of error answers of the gateway. Their names are part of the API. */
export const GATEWAY_PROBLEMS = problemKinds({
  "not-durable": {
    status: 503,
    title: "Not stored",
    example: "neither the database nor the journal takes anything now; try again in 5 seconds",
  },
  "invalid-idempotency-key": {
    status: 400,
    title: "Invalid Idempotency-Key",
    example: 'Idempotency-Key has 1 to 255 printable characters, in double quotes: Idempotency-Key: "8e03978e"',
  },
  "idempotency-key-reused": {
    status: 422,
    title: "Idempotency-Key of another request",
    example: "this Idempotency-Key came with another body before",
  },
  "idempotency-key-in-use": {
    status: 409,
    title: "Request in progress",
    example: "a request with this Idempotency-Key is in progress",
  },
});

/** The kinds of error answers about events. */
export const EVENT_PROBLEMS = problemKinds({
  "invalid-event": {
    status: 422,
    title: "Invalid event",
    example: "/id: is missing: it is a text of 1 to 256 characters, or a whole number of up to 15 digits",
    exampleErrors: [
      {
        pointer: "/id",
        detail: "is missing: it is a text of 1 to 256 characters, or a whole number of up to 15 digits",
      },
    ],
  },
  "event-not-found": {
    status: 404,
    title: "No such event",
    example: 'there is no event "17"; one that was answered with 202 is found once it is recorded',
  },
  "event-ambiguous": {
    status: 409,
    title: "Events of several senders",
    example: 'several senders have an event "17": acme, board; name one of them with ?sender=',
  },
});

/** Returns the problem for an error. Unexpected errors are not described, as they may contain SQL or secrets. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof NotDurable) {
    return temporaryProblem(
      GATEWAY_PROBLEMS["not-durable"],
      "neither the database nor the journal takes anything now, and what was not answered for is to be sent again",
    );
  }
  if (isUnavailable(error)) return temporaryProblem(PROBLEMS.unavailable, "the database is unreachable");
  if (isTimedOut(error)) return timedOut();
  return new Problem(PROBLEMS["internal-error"], "the request failed; the log of the gateway has the error");
}
