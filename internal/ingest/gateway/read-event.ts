import { InputError } from "../../canonical/input-error.ts";
import { formatPair, parsePair } from "../../canonical/pair.ts";
import { parseJson } from "../../http/body.ts";
import { type BodyError, PROBLEMS, Problem } from "../../http/problem.ts";
import { isStorable } from "../../storage/control/storable.ts";
import { EVENT_TYPE_FORM, type NewEvent, OWN_TYPES, POSTED_TYPE } from "../../storage/events/event.ts";
import { EVENT_PROBLEMS } from "./problems.ts";

/** What a posted event says of itself. */
export type PostedEvent = Pick<NewEvent, "id" | "type" | "pair" | "body">;

const MAX_ID_LENGTH = 256;
const MAX_SHOWN = 80;

/**
 * Reads the body of an event: a JSON object, whose text is kept as it is.
 * @throws Problem where it is none, has a number that a double cannot hold, or says something of itself that cannot be
 */
export function readEvent(bytes: Uint8Array): PostedEvent {
  const value = parseJson(bytes);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Problem(PROBLEMS["malformed-body"], "the body is not a JSON object");
  }
  const data = value as Readonly<Record<string, unknown>>;
  const [id, type] = [idOf(data["id"]), typeOf(data["type"])];
  const errors = [...problemAt("/id", id), ...problemAt("/type", type)];
  if (errors.length > 0) throw invalidEvent(errors);
  // Decoded as parseJson does it, without a byte order mark.
  const body = new TextDecoder().decode(bytes);
  return { id: id.text, type: type.text, pair: pairOf(data["pair"]), body };
}

/** Returns the problem of an event that is well-formed JSON. */
export function invalidEvent(errors: readonly BodyError[]): Problem {
  const detail = errors.map((error) => `${error.pointer}: ${error.detail}`).join("; ");
  return new Problem(EVENT_PROBLEMS["invalid-event"], detail, { errors });
}

/** A field as text, or what is wrong with it. */
interface Field {
  readonly text: string;
  readonly problem?: string;
}

function problemAt(pointer: string, { problem }: Field): BodyError[] {
  return problem === undefined ? [] : [{ pointer, detail: problem }];
}

function idOf(value: unknown): Field {
  const right = `a text of 1 to ${MAX_ID_LENGTH} characters, or a whole number of up to 15 digits`;
  if (value === undefined) return { text: "", problem: `is missing: it is ${right}` };
  const text = Number.isSafeInteger(value) ? String(BigInt(value as number)) : value;
  if (typeof text !== "string" || text === "" || hasMore(text, MAX_ID_LENGTH)) {
    return { text: "", problem: `is not ${right}` };
  }
  return isStorable(text) ? { text } : { text, problem: "has a NUL, or half of a surrogate pair" };
}

/** As PostgreSQL counts characters. */
function hasMore(text: string, characters: number): boolean {
  return text.length > 2 * characters || [...text].length > characters;
}

function typeOf(value: unknown): Field {
  if (value === undefined || value === null) return { text: POSTED_TYPE };
  const shown = (JSON.stringify(value) ?? "").slice(0, MAX_SHOWN);
  if (typeof value !== "string" || !EVENT_TYPE_FORM.test(value)) {
    const right = "1 to 63 lower-case letters, digits, dots, underscores and hyphens, the first a letter";
    return { text: "", problem: `${shown} is not the type of an event: ${right}, such as "order.created"` };
  }
  const own = OWN_TYPES.find((prefix) => value.startsWith(prefix));
  if (own === undefined) return { text: value };
  return {
    text: "",
    problem: `${shown} is a type of the index's own events, which begin with ${own}: take another one`,
  };
}

/** Returns the pair in canonical form; null where the value is none, since data may call anything a pair. */
function pairOf(value: unknown): string | null {
  if (typeof value !== "string") return null;
  try {
    return formatPair(parsePair(value));
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}
