/**
 * Settles as the promise does, or rejects with an Error of that message once the time is over; the work behind the promise
 * goes on.
 */
export async function within<T>(seconds: number, promise: Promise<T>, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    // What arrived in time while this process was busy is handled first.
    timer = setTimeout(() => setImmediate(() => reject(new Error(message))), seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
