/**
 * Thrown where an evaluation needs an answer that is still on its way. The evaluation is pure, so it starts over once `ready` settles;
 * whoever suspends keeps the answer for the next run.
 */
export class Suspension {
  readonly ready: Promise<void>

  constructor(ready: Promise<void>) {
    this.ready = ready
  }
}

export function suspend(ready: Promise<void>): never {
  // The next run meets the rejection again; this keeps it from being called unhandled meanwhile.
  ready.catch(() => undefined)
  throw new Suspension(ready)
}
