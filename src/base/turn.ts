/** Calls back when everything else that waits for the event loop has gone first. */
export const atNextTurn = (callback: () => void): void => void setImmediate(callback)

/** Lets everything else that waits for the event loop go first; for long work done in pieces. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
