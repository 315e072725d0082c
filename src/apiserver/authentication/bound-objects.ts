import { nodes, pods, type ResourceDefinition, type Secret, type ServiceAccount, secrets, serviceAccounts } from '#api'
import type { Clock } from '#base'
import type { KubernetesObject } from '#meta'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import type { Claims } from './jwt.ts'
import { timeMsOf } from './jwt.ts'

export interface Reference {
  readonly name: string
  readonly uid: string
}

/** What `kubernetes.io` says in a token: the account, and what the token lives and dies with. */
export interface BoundObjects {
  readonly namespace: string
  readonly serviceaccount: Reference
  readonly pod?: Reference | undefined
  readonly secret?: Reference | undefined
  readonly node?: Reference | undefined
}

/** Clocks of several servers differ; what was deleted may take so long to be gone. */
const LEEWAY_MS = 60_000

/** Looks up what tokens speak of, in the watch cache; what is not there may be newer than the cache. */
export class TokenObjects {
  readonly #cache: WatchCache
  readonly #clock: Clock

  constructor({ cache, clock }: { readonly cache: WatchCache; readonly clock: Clock }) {
    this.#cache = cache
    this.#clock = clock
  }

  /** Throws when the time of a token is not now. */
  checkTimes(claims: Claims): void {
    const nowMs = this.#clock.now()
    const [expiry, notBefore, issued] = [timeMsOf(claims, 'exp'), timeMsOf(claims, 'nbf'), timeMsOf(claims, 'iat')]
    if (expiry !== undefined && nowMs - LEEWAY_MS > expiry) throw new Error('service account token has expired')
    if (notBefore !== undefined && nowMs + LEEWAY_MS < notBefore) throw new Error('service account token is not valid yet')
    if (issued !== undefined && nowMs + LEEWAY_MS < issued)
      throw new Error('service account token claims could not be validated due to unexpected validation error')
  }

  /** The account and what the token is bound to must be there, and be what they were when it was made. */
  async check({ namespace, serviceaccount, pod, secret, node }: BoundObjects): Promise<void> {
    await this.checkAccount(namespace, serviceaccount)
    if (secret !== undefined) await this.#checkBound('secret', secrets, `${namespace}/${secret.name}`, secret)
    if (pod !== undefined) await this.#checkBound('pod', pods, `${namespace}/${pod.name}`, pod)
    // A pod's token names its node for information: the pod is what it dies with.
    else if (node !== undefined) await this.#checkBound('node', nodes, node.name, node)
  }

  /** Resolves with the account. */
  async checkAccount(namespace: string, { name, uid }: Reference): Promise<ServiceAccount> {
    const account = await this.#find(serviceAccounts, `${namespace}/${name}`)
    if (account === undefined) throw new Error(`serviceaccounts ${JSON.stringify(name)} not found`)
    if (this.#isDeleted(account)) throw new Error(`service account ${namespace}/${name} has been deleted`)
    if (account.metadata?.uid !== uid)
      throw new Error(`service account UID (${account.metadata?.uid}) does not match claim (${uid})`)
    return account
  }

  async findSecret(key: string): Promise<Secret | undefined> {
    return (await this.#find(secrets, key)) as Secret | undefined
  }

  async #checkBound(kind: string, resource: object, key: string, { uid }: Reference): Promise<void> {
    const object = await this.#find(resource, key)
    if (object === undefined || this.#isDeleted(object)) throw new Error('service account token has been invalidated')
    const actual = object.metadata?.uid
    if (actual !== uid) throw new Error(`${kind} UID (${actual}) does not match service account ${kind} ref claim (${uid})`)
  }

  async #find(resource: object, key: string): Promise<KubernetesObject | undefined> {
    const known = this.#cache.of(resource as ResourceDefinition)
    const found = known.get(key)
    if (found !== undefined) return found.object
    await this.#cache.current()
    return known.get(key)?.object
  }

  #isDeleted({ metadata }: KubernetesObject): boolean {
    const deleted = metadata?.deletionTimestamp
    return deleted !== undefined && Date.parse(deleted) < this.#clock.now() - LEEWAY_MS
  }
}
