/** How a server ends, by upstream's names. Everything is 0 or off unless said: a server in somebody's process is gone at once, with all of its connections. */
export interface ShutdownOptions {
  /**
   * `--shutdown-delay-duration`: so long, in milliseconds, everything is served as before while `/readyz` already fails and the `kubernetes` Service does not lead here any
   * more, so that load balancers have time to notice.
   */
  readonly delayMs?: number | undefined
  /** `--shutdown-send-retry-after`: until the last request in flight is answered the port stays open, and new requests get 429 with `Retry-After`. */
  readonly sendRetryAfter?: boolean | undefined
  /** `--shutdown-watch-termination-grace-period`: over so long, in milliseconds, watches are ended one after the other, so that their clients do not come to the other servers all at once. */
  readonly watchGraceMs?: number | undefined
  /** How long requests in flight have to be answered, in milliseconds; of a process of its own their deadline, {@link REQUEST_TIMEOUT_MS}. */
  readonly drainMs?: number | undefined
}
