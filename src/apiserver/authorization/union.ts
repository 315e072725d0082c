import type { Answer, Clock, Log, Random } from '#base'
import type { UserInfo } from '#client'
import { abacAuthorizer } from './abac.ts'
import type { AuthorizationConfiguration, AuthorizerConfiguration } from './configuration/configuration.ts'
import type { AuthorizationSource } from './configuration/file.ts'
import type { AuthorizationMetrics } from './metrics.ts'
import { alwaysAllow, alwaysDeny, privileged } from './modes.ts'
import { ReviewAuthorizer } from './review/authorizer.ts'
import { MatchConditions } from './review/conditions.ts'
import { connectTo } from './review/connection.ts'
import { type AuthorizationHandler, type AuthorizerFunction, functionAuthorizer } from './review/functions.ts'
import { AuthorizationWebhook } from './review/webhook.ts'
import { type AuthorizationAttributes, type Authorizer, authorizeBy, type Decision, type KnownRules, rulesBy } from './types.ts'

export interface AuthorizationOptions {
  /** Who is asked after `system:masters` and the functions, in order; by default Node, then RBAC. */
  readonly configuration?: AuthorizationSource | undefined
  /** Webhooks that run in this process. */
  readonly functions?: readonly (AuthorizationHandler | AuthorizerFunction)[] | undefined
}

interface Dependencies {
  readonly node: Authorizer
  readonly rbac: Authorizer
  readonly metrics: AuthorizationMetrics
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

const DEFAULT: AuthorizationConfiguration = {
  authorizers: [
    { type: 'Node', name: 'node' },
    { type: 'RBAC', name: 'rbac' },
  ],
}

/** Requests that were asked of the old authorizers when a configuration was replaced have this long to be answered. */
const GRACE_MS = 60_000

/** All authorizers as one, and as the configuration says now (https://kubernetes.io/docs/reference/access-authn-authz/authorization/). */
export class AuthorizerUnion implements Authorizer, AsyncDisposable {
  readonly name = 'union'
  readonly #dependencies: Dependencies
  readonly #stack = new AsyncDisposableStack()
  #functions: readonly Authorizer[] = []
  #current: readonly Authorizer[] = []
  #owned = new AsyncDisposableStack()
  #replacing = Promise.resolve()

  /** Rejects with what is wrong with the configuration. */
  static async open(
    { configuration, functions = [] }: AuthorizationOptions,
    dependencies: Dependencies,
  ): Promise<AuthorizerUnion> {
    const union = new AuthorizerUnion(dependencies)
    await using opening = new AsyncDisposableStack()
    opening.use(union)
    union.#functions = await Promise.all(functions.map((each, index) => functionAuthorizer(each, index, dependencies)))
    await union.#replace((await configuration?.read()) ?? DEFAULT)
    const following = configuration?.onChange?.(() => union.#reload(configuration))
    if (following !== undefined) union.#stack.use(following)
    opening.move()
    return union
  }

  private constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  authorize(attributes: AuthorizationAttributes): Answer<Decision> {
    return authorizeBy(this.#current, attributes)
  }

  rulesFor(user: UserInfo, namespace: string): KnownRules {
    return rulesBy(this.#current, user, namespace)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#replacing
    await this.#stack.disposeAsync()
    await this.#owned.disposeAsync()
  }

  /** One after the other. A configuration that is wrong is told of, and the last one that was right stays. */
  #reload(source: AuthorizationSource): void {
    const { log } = this.#dependencies
    this.#replacing = this.#replacing.then(async () => {
      try {
        const old = this.#owned
        await this.#replace(await source.read())
        this.#retire(old)
        log.info('The authorization configuration was read again')
      } catch (error) {
        log.error('The new authorization configuration is wrong; the last one stays', { error: (error as Error).message })
      }
    })
  }

  async #replace({ authorizers }: AuthorizationConfiguration): Promise<void> {
    await using opened = new AsyncDisposableStack()
    const made: Authorizer[] = []
    for (const each of authorizers) {
      const { metrics } = this.#dependencies
      made.push(metrics.counted(each.type, each.name, await this.#open(each, opened)))
    }
    this.#owned = opened.move()
    this.#current = [privileged, ...this.#functions, ...made]
  }

  /** Requests that asked them may still wait for an answer. */
  #retire(old: AsyncDisposableStack): void {
    const timer = this.#dependencies.clock.after(GRACE_MS, () => void old.disposeAsync())
    this.#stack.defer(async () => {
      timer[Symbol.dispose]()
      await old.disposeAsync()
    })
  }

  async #open(configuration: AuthorizerConfiguration, owned: AsyncDisposableStack): Promise<Authorizer> {
    const { node, rbac } = this.#dependencies
    switch (configuration.type) {
      case 'Node':
        return node
      case 'RBAC':
        return rbac
      case 'ABAC':
        return abacAuthorizer(configuration.policyFile)
      case 'AlwaysAllow':
        return alwaysAllow
      case 'AlwaysDeny':
        return alwaysDeny
      case 'Webhook':
        return this.#webhook(configuration, owned)
    }
  }

  async #webhook(
    { name, webhook }: Extract<AuthorizerConfiguration, { type: 'Webhook' }>,
    owned: AsyncDisposableStack,
  ): Promise<Authorizer> {
    const { timeoutMs, subjectAccessReviewVersion: version, failurePolicy, matchConditions } = webhook
    const transport = await connectTo(webhook.kubeConfigFile)
    const remote = owned.use(new AuthorizationWebhook({ transport, version, timeoutMs }, this.#dependencies))
    const expressions = matchConditions.map(({ expression }) => expression)
    return new ReviewAuthorizer(
      {
        name,
        failurePolicy,
        remembering: { authorizedMs: webhook.authorizedTtlMs, unauthorizedMs: webhook.unauthorizedTtlMs },
        conditions: expressions.length === 0 ? undefined : await MatchConditions.compile(expressions),
        ask: (spec) => remote.ask(spec),
        rules: {
          resourceRules: [],
          nonResourceRules: [],
          incomplete: true,
          errors: ['webhook authorizer does not support user rule resolution'],
        },
      },
      this.#dependencies,
    )
  }
}
