interface Waiting<Question, Answer> {
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** While one list is answered, what was made of the answers to another can go on. */
const MOST_AT_ONCE = 500;

/**
 * Answers the questions of one turn of the event loop together: each is asked by itself, `answerAll` gets them as a list of
 * 500 at most and gives the answers in its order; an Error among them is thrown to who asked. Where it fails, all of the
 * list do.
 */
export function together<Question, Answer>(
  answerAll: (questions: readonly Question[]) => Promise<readonly (Answer | Error)[]>,
): (question: Question) => Promise<Answer> {
  let waiting: Waiting<Question, Answer>[] = [];
  const ask = async (asked: readonly Waiting<Question, Answer>[]): Promise<void> => {
    try {
      const answers = await answerAll(asked.map(({ question }) => question));
      for (const [index, { resolve, reject }] of asked.entries()) {
        const answer = answers[index] as Answer | Error;
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      }
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  };
  const askAll = (): void => {
    const all = waiting;
    waiting = [];
    for (let start = 0; start < all.length; start += MOST_AT_ONCE) ask(all.slice(start, start + MOST_AT_ONCE));
  };
  return (question) =>
    new Promise((resolve, reject) => {
      // Whatever an answer lets be asked is asked before the next turn.
      if (waiting.length === 0) setImmediate(askAll);
      waiting.push({ question, resolve, reject });
    });
}
