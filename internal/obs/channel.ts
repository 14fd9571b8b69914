import diagnosticsChannel from "node:diagnostics_channel";

/** A typed publish/subscribe channel; `subscribe` returns the function that unsubscribes. */
export interface EventChannel<T> {
  readonly publish: (event: T) => void;
  readonly subscribe: (listener: (event: T) => void) => () => void;
}

/**
 * Returns the channel of this name. Subscribers are called synchronously, for events published after they subscribed.
 */
export function channel<T>(name: string): EventChannel<T> {
  const named = diagnosticsChannel.channel(name);
  return {
    publish: (event) => named.publish(event),
    subscribe: (listener) => {
      const onMessage = (message: unknown) => listener(message as T);
      named.subscribe(onMessage);
      return () => named.unsubscribe(onMessage);
    },
  };
}
