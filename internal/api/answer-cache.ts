import { type Content, contentOf } from "../http/content.ts";
import { type Answer, answerText } from "./answer.ts";

/** In bytes: longer bodies, such as pages of candles, are not cached, as a thousand of them would fill the memory. */
const MAX_CACHED_LENGTH = 16_384;

/** An answer and its serialised body. */
export interface CachedAnswer {
  readonly answer: Answer;
  readonly content: Content;
}

/** The last answers by the parsed query, for as long as that is cached itself. */
export interface AnswerCache {
  /** Returns the last answer to a query; null where none is cached. */
  last(query: object): CachedAnswer | null;
  /** Returns the content of an answer, and caches it; an equal answer reuses the cached content. */
  contentOf(query: object, answer: Answer): Content;
}

export function makeAnswerCache(): AnswerCache {
  const answers = new WeakMap<object, CachedAnswer>();
  return {
    last: (query) => answers.get(query) ?? null,
    contentOf: (query, answer) => {
      const last = answers.get(query);
      const content =
        last !== undefined && hasSameBody(last.answer, answer) ? last.content : contentOf(answerText(answer));
      if (content.body.length > MAX_CACHED_LENGTH) answers.delete(query);
      else answers.set(query, { answer, content });
      return content;
    },
  };
}

/** Whether two answers have the same body. */
function hasSameBody(one: Answer, other: Answer): boolean {
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
