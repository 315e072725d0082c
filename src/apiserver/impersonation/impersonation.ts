import { type Answer, type Clock, ending } from '#base'
import type { TransportRequest, UserInfo } from '#client'
import { type AuthorizationAttributes, type Authorizer, authorizeBy, refusalOf } from '../authorization/index.ts'
import { ExpiringCache } from '../expiring-cache.ts'
import { type Timekeeper, timed } from '../latencies.ts'
import { legacyImpersonation } from './legacy.ts'
import { ImpersonationMetrics } from './metrics.ts'
import { allModes, type Impersonated, type Mode } from './modes.ts'
import { Question } from './question.ts'
import { namesOthers, requireName, wantedUserOf } from './wanted-user.ts'

export interface ImpersonationOptions {
  readonly authorizers: readonly Authorizer[]
  readonly clock: Clock
  /** Whether somebody may be somebody else for some things only (the gate ConstrainedImpersonation). */
  readonly isConstrained: boolean
}

/** Users of whom it is remembered how they became somebody else the last time: as many as upstream remembers. */
const REQUESTERS_MAX = 10_000

/**
 * Requests on behalf of others (https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/). The modes are tried one after the other, that which
 * the same user succeeded with the last time first, so that whoever always uses one pays for no other.
 */
export class Impersonation {
  /** Of constrained impersonation; without it nothing is counted. */
  readonly metrics = new ImpersonationMetrics()
  readonly #options: ImpersonationOptions
  readonly #modes: readonly Mode[]
  readonly #lastModes: ExpiringCache<Mode>

  constructor(options: ImpersonationOptions) {
    this.#options = options
    const { clock } = options
    this.#modes = allModes({ ask: (attributes) => this.#ask(attributes), clock })
    this.#lastModes = new ExpiringCache(REQUESTERS_MAX, clock)
  }

  /**
   * On whose behalf a request is that does what `attributesOf` says; undefined when it is on nobody else's. Throws 400 for headers that name nobody, 403 unless
   * whoever asks may be that user.
   */
  impersonated(
    request: TransportRequest,
    requester: UserInfo,
    attributesOf: () => AuthorizationAttributes,
    keeper: Timekeeper | undefined,
  ): Answer<Impersonated | undefined> {
    if (!namesOthers(request.headers)) return undefined
    const wanted = wantedUserOf(request)
    if (!this.#options.isConstrained) return this.#legacy(wanted, requester)
    requireName(wanted)
    if (wanted.username === '') return undefined
    return timed(keeper, 'impersonation', () => this.#counted(new Question(wanted, attributesOf(), request)))
  }

  async #legacy(wanted: UserInfo, requester: UserInfo): Promise<Impersonated | undefined> {
    const user = await legacyImpersonation(wanted, requester, this.#options.authorizers)
    return user && { user }
  }

  #counted(question: Question): Answer<Impersonated> {
    const { clock } = this.#options
    const startedAtMs = clock.monotonic()
    let verb: string | undefined
    return ending(
      async () => {
        const impersonated = await this.#tried(question)
        verb = impersonated.constraint ?? 'impersonate'
        return impersonated
      },
      () => this.metrics.attempted(verb, clock.monotonic() - startedAtMs),
    )
  }

  /** When nothing succeeds, what was wrong first is told. */
  async #tried(question: Question): Promise<Impersonated> {
    const { username } = question.attributes.user
    const last = this.#lastModes.get(username)
    const problems: unknown[] = []
    for (const mode of last === undefined ? this.#modes : [last, ...this.#modes.filter((each) => each !== last)]) {
      try {
        const impersonated = await mode.check(question)
        if (impersonated === undefined) continue
        this.#lastModes.set(username, mode, Infinity)
        return impersonated
      } catch (error) {
        problems.push(error)
      }
    }
    throw problems[0]
  }

  async #ask(attributes: AuthorizationAttributes): Promise<void> {
    const { authorizers, clock } = this.#options
    const startedAtMs = clock.monotonic()
    const { decision, reason, error = '' } = await authorizeBy(authorizers, attributes)
    const isAllowed = decision === 'allow'
    this.metrics.asked(attributes.verb, isAllowed, clock.monotonic() - startedAtMs)
    if (!isAllowed) throw refusalOf(attributes, undefined, [error, reason].filter((each) => each !== '').join(': '))
  }
}
