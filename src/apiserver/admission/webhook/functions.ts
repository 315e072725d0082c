import type { Clock } from '#base'
import { CallError, type Hook, type HookRules } from './hook.ts'
import { defaultMatchAll } from './match-all.ts'
import type { AdmissionRequest } from './review.ts'

/** What an admission function may answer; nothing: allowed as it is. */
export interface AdmissionAnswer {
  readonly allowed?: boolean
  /** Of a refusal. */
  readonly status?: { readonly message?: string; readonly reason?: string; readonly code?: number }
  /** A JSON patch (RFC 6902). */
  readonly patch?: readonly { readonly op: string; readonly path: string; readonly from?: string; readonly value?: unknown }[]
  readonly warnings?: readonly string[]
  readonly auditAnnotations?: Readonly<Record<string, string>>
}

export type AdmissionHandler = (
  request: AdmissionRequest,
  options: { readonly signal: AbortSignal },
) => AdmissionAnswer | undefined | Promise<AdmissionAnswer | undefined>

/** An admission webhook that runs in this process: the same rules, without a server or certificates. Asked before those that are configured. */
export interface AdmissionFunction extends HookRules {
  /** Default: `function-N.t8s.local`. */
  readonly name?: string
  /** Default: mutating. */
  readonly type?: 'mutating' | 'validating'
  /** 1 to 30. Default: 10. */
  readonly timeoutSeconds?: number
  /** Default: None. */
  readonly sideEffects?: string
  readonly handle: AdmissionHandler
}

export function hookOf(input: AdmissionFunction, index: number, clock: Clock): Hook {
  const { handle, name = `function-${index}.t8s.local`, timeoutSeconds = 10, sideEffects = 'None', type: _, ...rules } = input
  return {
    ...defaultMatchAll(rules),
    id: `${name}/${index}`,
    configuration: name,
    name,
    sideEffects,
    reviewVersions: ['v1'],
    async call(review) {
      // A function sees what a server would: a document of its own, not the server's objects.
      const { request } = structuredClone(review)
      const answer = (await withinTime(clock, timeoutSeconds * 1000, async (signal) => handle(request, { signal }))) ?? {}
      return { kind: review.kind, apiVersion: review.apiVersion, response: encode(request.uid, answer) }
    },
  }
}

/** Rejects once the time is over, and tells the function to stop. */
async function withinTime<T>(clock: Clock, ms: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const late = Promise.withResolvers<never>()
  using _timer = clock.after(ms, () => {
    const error = new CallError('context deadline exceeded')
    late.reject(error)
    controller.abort(error)
  })
  // Awaited here, since the timer is gone when this function returns.
  return await Promise.race([call(controller.signal), late.promise])
}

const encode = (uid: string, { patch, allowed = true, ...rest }: AdmissionAnswer): Record<string, unknown> => ({
  ...rest,
  uid,
  allowed,
  ...(patch !== undefined &&
    patch.length > 0 && { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }),
})
