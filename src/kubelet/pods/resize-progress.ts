import type { Pod } from '#api'
import type { EventSink } from '#client'
import type { PendingResize } from './allocations.ts'
import { resizeSummary } from './resize.ts'
import type { ResizeState } from './status.ts'

/** How far the resize of one pod has come, told once per step by events. */
export class ResizeProgress {
  readonly #recorder: EventSink
  #pending: PendingResize | undefined
  #inProgress: { readonly error: string | undefined } | undefined
  #told = ''

  constructor(recorder: EventSink) {
    this.#recorder = recorder
  }

  get state(): ResizeState {
    return { pending: this.#pending, inProgress: this.#inProgress }
  }

  noteGrant(pod: Pod, pending: PendingResize | undefined): void {
    this.#pending = pending
    if (pending === undefined) return
    const title = `Resize${pending.reason}`
    this.#tell(pod, 'Warning', title, `Pod resize ${pending.reason}: ${resizeSummary(pod, pending.message)}`)
  }

  /** Returns whether the state changed. */
  noteProgress(pod: Pod, resizing: boolean, errors: ReadonlyMap<string, string>): boolean {
    const before = this.#inProgress
    const [error] = errors.values()
    if (!resizing && before === undefined) return false
    this.#inProgress = resizing ? { error } : undefined
    if (before === undefined) this.#tell(pod, 'Normal', 'ResizeStarted', `Pod resize started: ${resizeSummary(pod)}`)
    if (!resizing) this.#tell(pod, 'Normal', 'ResizeCompleted', `Pod resize completed: ${resizeSummary(pod)}`)
    else if (error !== undefined) this.#tell(pod, 'Warning', 'ResizeError', `Pod resize error: ${resizeSummary(pod, error)}`)
    return before === undefined || !resizing || before.error !== error
  }

  #tell(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const line = `${reason} ${message}`
    if (line === this.#told) return
    this.#told = line
    this.#recorder.event(pod, type, reason, message)
  }
}
