/** What is at hand, or will be. */
export type Soon<T> = T | Promise<T>;

/** Goes on with a value, at once where it is at hand. */
export function after<T, U>(value: Soon<T>, next: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
