import type { SubjectAccessReviewSpec } from '#api'
import type { Clock, Log } from '#base'
import { type FailurePolicy, ReviewAuthorizer, type ReviewStatus } from './authorizer.ts'
import { MatchConditions } from './conditions.ts'

/** Answers like a webhook does; nothing: no opinion. */
export type AuthorizationHandler = (
  spec: SubjectAccessReviewSpec,
  options: { readonly signal: AbortSignal },
) => ReviewStatus | undefined | Promise<ReviewStatus | undefined>

/** An authorization webhook that runs in this process: the same questions, conditions and failures, without a server. */
export interface AuthorizerFunction {
  /** Default: `function-N.t8s.local`. */
  readonly name?: string
  readonly matchConditions?: readonly { readonly expression: string }[]
  /** When it throws, or takes too long. Default: NoOpinion. */
  readonly failurePolicy?: FailurePolicy
  /** More than 0, at most 30. Default: 3. */
  readonly timeoutSeconds?: number
  /** For how long its answers are remembered. Default: 0, it is asked each time. */
  readonly authorizedTtlSeconds?: number
  readonly unauthorizedTtlSeconds?: number
  readonly handle: AuthorizationHandler
}

const TIMEOUT_SECONDS_DEFAULT = 3
const TIMEOUT_SECONDS_MAX = 30

/** Rejects with what is wrong with the function's options. */
export async function functionAuthorizer(
  input: AuthorizationHandler | AuthorizerFunction,
  index: number,
  context: { readonly clock: Clock; readonly log: Log },
): Promise<ReviewAuthorizer> {
  const options: AuthorizerFunction = typeof input === 'function' ? { handle: input } : input
  const { name = `function-${index}.t8s.local`, timeoutSeconds = TIMEOUT_SECONDS_DEFAULT, failurePolicy = 'NoOpinion' } = options
  if (!(timeoutSeconds > 0 && timeoutSeconds <= TIMEOUT_SECONDS_MAX))
    throw new Error(`authorizer ${name}: timeoutSeconds must be > 0 and <= ${TIMEOUT_SECONDS_MAX}`)
  const expressions = (options.matchConditions ?? []).map(({ expression }) => expression)
  return new ReviewAuthorizer(
    {
      name,
      failurePolicy,
      remembering: {
        authorizedMs: (options.authorizedTtlSeconds ?? 0) * 1000,
        unauthorizedMs: (options.unauthorizedTtlSeconds ?? 0) * 1000,
      },
      conditions: expressions.length === 0 ? undefined : await MatchConditions.compile(expressions),
      ask: (spec) =>
        withinTime(
          context.clock,
          timeoutSeconds * 1000,
          async (signal) => (await options.handle(structuredClone(spec), { signal })) ?? {},
        ),
      rules: {
        resourceRules: [],
        nonResourceRules: [],
        incomplete: true,
        errors: [`authorizer ${name} does not support user rule resolution`],
      },
    },
    context,
  )
}

/** Rejects once the time is over, and tells the function to stop. */
async function withinTime<T>(clock: Clock, ms: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const late = Promise.withResolvers<never>()
  using _timer = clock.after(ms, () => {
    const error = new Error('context deadline exceeded')
    late.reject(error)
    controller.abort(error)
  })
  return await Promise.race([call(controller.signal), late.promise])
}
