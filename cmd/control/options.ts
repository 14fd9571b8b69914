import { InputError } from "../../internal/canonical/input-error.ts";
import { formatTime, parseTime } from "../../internal/canonical/time.ts";
import { inexactNumbers } from "../../internal/lib/exact-json.ts";
import { parseOption } from "../usage-error.ts";

/**
 * Returns the value of a JSON text.
 * @throws InputError where it is none, or has a number that would be changed
 */
export function parseJson(text: string, example: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${(error as Error).message}; write JSON, such as '${example}'`);
  }
  const [inexact] = inexactNumbers(text, 1);
  if (inexact === undefined) return value;
  const shown = inexact.text.slice(0, 40);
  throw new InputError(
    `${inexact.path.join(".")} has a number that a double cannot hold, ${shown}; write it as a string, "${shown}"`,
  );
}

/**
 * Returns the object of an option's JSON.
 * @throws UsageError where the text is no JSON object
 */
export function parseObject(option: string, text: string): Record<string, unknown> {
  return parseOption(option, () => {
    const value = parseJson(text, '{"pair":"XLM/USD"}');
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new InputError(`${text.slice(0, 40)} is no JSON object, such as '{"pair":"XLM/USD"}'`);
  });
}

/**
 * Returns an id as text.
 * @throws UsageError where it is none
 */
export function idOf(argument: string, text: string): string {
  return parseOption(argument, () => {
    if (/^[1-9]\d{0,17}$/.test(text)) return text;
    throw new InputError(`${JSON.stringify(text)} is no id, which is a whole number`);
  });
}

/**
 * Returns the time of an option, as the API takes it.
 * @throws UsageError where the text is none
 */
export function timeOf(option: string, text: string): string {
  return formatTime(parseOption(option, () => parseTime(text)));
}
