import { InputError } from "./input-error.ts";

/** A URL of a configuration cannot be used. Neither text holds a part of it that may be a secret. */
export class UnusableUrl extends InputError {
  readonly wrong: string;
  readonly right: string;

  /** @param wrong what is said of it, after `what`; `right` is what was expected */
  constructor(what: string, wrong: string, right: string) {
    super(`${what} ${wrong}; expected ${right}`);
    this.wrong = wrong;
    this.right = right;
  }
}
