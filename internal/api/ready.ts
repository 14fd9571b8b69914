import { setBounded } from "../cache/bounded.ts";
import { type Answer, answerText } from "./answer.ts";
import { type Content, contentOf } from "./content.ts";

const MOST_QUESTIONS = 1_000;
/** Longer bodies, such as pages of candles, are made anew each time, as a thousand of them would fill the memory. */
const LONGEST_READY = 16_384;

/** A question as it was read, and what it was last answered with. */
export interface Asked<Query> {
  readonly query: Query;
  last: Ready | null;
}

/** An answer and its body, ready-made. */
export interface Ready {
  readonly answer: Answer;
  readonly content: Content;
}

/**
 * Reads queries once, by their exact text. What `parse` throws is thrown each time.
 * @param parse reads a query that is not known
 */
export function makeAsked<Query>(): (text: string, parse: () => Query) => Asked<Query> {
  const known = new Map<string, Asked<Query>>();
  return (text, parse) => {
    let asked = known.get(text);
    if (asked === undefined) {
      asked = { query: parse(), last: null };
      setBounded(known, text, asked, MOST_QUESTIONS);
    }
    return asked;
  };
}

/** The content of an answer; of the same answer as last time it is the same. */
export function readyContent(asked: Asked<unknown>, answer: Answer): Content {
  const { last } = asked;
  const content = last !== null && isSame(last.answer, answer) ? last.content : contentOf(answerText(answer));
  asked.last = content.body.length > LONGEST_READY ? null : { answer, content };
  return content;
}

/** Whether two answers have the same body. */
function isSame(one: Answer, other: Answer): boolean {
  return (
    one.data === other.data &&
    one.divergence === other.divergence &&
    one.confidence === other.confidence &&
    one.flags.frozen === other.flags.frozen &&
    one.flags.stale === other.flags.stale &&
    one.flags.triangulated === other.flags.triangulated &&
    one.flags.divergence_warning === other.flags.divergence_warning
  );
}
