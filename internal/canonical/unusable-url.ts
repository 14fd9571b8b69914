import { InputError } from "./input-error.ts";

/** An invalid URL in the configuration. Its texts contain no part of the URL that may be a secret. */
export class UnusableUrl extends InputError {
  readonly wrong: string;
  readonly right: string;

  /** @param wrong the problem, as a predicate of `what`; `right` is the expected form */
  constructor(what: string, wrong: string, right: string) {
    super(`${what} ${wrong}; expected ${right}`);
    this.wrong = wrong;
    this.right = right;
  }
}
