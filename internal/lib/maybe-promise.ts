/** A value that is available now or later. */
export type MaybePromise<T> = T | Promise<T>;

/** Calls `next` with the value, synchronously if it is available now. */
export function andThen<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
