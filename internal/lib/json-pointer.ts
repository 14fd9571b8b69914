import { pointerSegments } from "@hyperjump/json-pointer";
import { InputError, quoted } from "../canonical/input-error.ts";
import { member } from "./exact-json.ts";

/** RFC 6901: without leading zeros; "-", the element after the last one, is never there. */
const INDEX = /^(?:0|[1-9]\d*)$/;

/**
 * Reads a JSON Pointer (RFC 6901), such as `/items/0/name`, into the names of its steps; the empty pointer has none.
 * @throws InputError where the text is not a pointer
 */
export function parsePointer(text: string): readonly string[] {
  try {
    return [...pointerSegments(text)];
  } catch {
    throw new InputError(`${quoted(text)} is not a JSON Pointer, such as /items/0/name`);
  }
}

/**
 * Returns the value of a parsed JSON document that a pointer refers to; undefined where there is none. Numbers may be
 * of `JSON.parse` or of `parseJson`.
 */
export function valueAt(document: unknown, pointer: readonly string[]): unknown {
  return pointer.reduce<unknown>((value, name) => {
    if (Array.isArray(value)) return INDEX.test(name) ? value[Number(name)] : undefined;
    return member(value, name);
  }, document);
}
