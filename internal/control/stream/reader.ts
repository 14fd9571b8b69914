/** Bytes that wait for a reader; one with more is too slow, and dropped. */
const MAX_BUFFERED_BYTES = 1_048_576;

/** Somebody who reads a stream of events. */
export interface StreamReader {
  readonly stream: ReadableStream<Uint8Array>;
  /**
   * Appends bytes. Where too many wait already, `last` is appended in their place, and the stream ends: the reader has
   * missed something.
   */
  readonly push: (bytes: Uint8Array, last: Uint8Array) => void;
  readonly end: () => void;
  readonly isOpen: () => boolean;
}

/** @param onGone called once, when the reader has gone or the stream has ended */
export function makeStreamReader(onGone: () => void): StreamReader {
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  const stream = new ReadableStream<Uint8Array>(
    {
      start: (given) => {
        controller = given;
      },
      cancel: () => {
        controller = null;
        onGone();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_BUFFERED_BYTES }),
  );
  function end(): void {
    if (controller === null) return;
    controller.close();
    controller = null;
    onGone();
  }
  return {
    stream,
    push: (bytes, last) => {
      if (controller === null) return;
      const hasRoom = (controller.desiredSize ?? 0) > 0;
      controller.enqueue(hasRoom ? bytes : last);
      if (!hasRoom) end();
    },
    end,
    isOpen: () => controller !== null,
  };
}
