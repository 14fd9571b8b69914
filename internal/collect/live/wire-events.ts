/** One open connection, whatever its transport. */
export interface Wire {
  readonly send: (text: string) => void;
  /** Sends a ping frame; does nothing if the transport has no pings. */
  readonly ping: () => void;
  /** Ends it at once; {@link WireListener.onEnd} is still called. */
  readonly close: () => void;
}

export interface WireListener {
  readonly onOpen: () => void;
  readonly onText: (text: string) => void;
  /** A frame without a message, such as the answer to a ping. */
  readonly onFrame: (isPong: boolean) => void;
  /** Called once. `retryAfterSeconds` is what the venue asked for; 0 for nothing. */
  readonly onEnd: (reason: string, retryAfterSeconds: number) => void;
}

export type OpenWire = (url: URL, listener: WireListener) => Wire;
