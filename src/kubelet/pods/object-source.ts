import {
  type ClusterTrustBundle,
  type ConfigMap,
  clusterTrustBundles,
  configMaps,
  type ResourceDefinition,
  type Secret,
  secrets,
} from '#api'
import { TaskGroup } from '#base'
import { type Client, Informer, type InformerDependencies, type InformerOptions } from '#client'
import type { KubernetesObject } from '#meta'

interface Followed {
  readonly informer: Informer<KubernetesObject>
  readonly tasks: TaskGroup
  readonly users: Set<string>
}

const BUNDLES = 'clustertrustbundles'

/**
 * ConfigMaps and Secrets that pods of this node refer to, each followed by a watch of its own for as long as a pod does: a node may read no
 * others. ClusterTrustBundles are chosen by labels, and so all of them are followed as long as a pod has one. Calls `onChange` with the pods that use an object whenever it changes.
 */
export class ObjectSource implements AsyncDisposable {
  readonly #dependencies: InformerDependencies
  readonly #followed = new Map<string, Followed>()
  readonly #onChange: (podUid: string) => void

  constructor(dependencies: InformerDependencies & { readonly client: Client }, onChange: (podUid: string) => void) {
    this.#dependencies = dependencies
    this.#onChange = onChange
  }

  configMap(namespace: string, name: string, podUid: string): Promise<ConfigMap | undefined> {
    return this.#get(configMaps, namespace, name, podUid)
  }

  secret(namespace: string, name: string, podUid: string): Promise<Secret | undefined> {
    return this.#get(secrets, namespace, name, podUid)
  }

  async trustBundles(podUid: string): Promise<readonly ClusterTrustBundle[]> {
    const known = this.#followed.get(BUNDLES)
    if (known !== undefined) {
      known.users.add(podUid)
      await known.informer.synced(known.tasks.signal)
      return known.informer.list() as readonly KubernetesObject[] as readonly ClusterTrustBundle[]
    }
    const { items } = await this.#dependencies.client.list(clusterTrustBundles)
    if (!this.#followed.has(BUNDLES)) this.#follow(clusterTrustBundles as unknown as ResourceDefinition, {}, BUNDLES)
    this.#followed.get(BUNDLES)!.users.add(podUid)
    return items
  }

  /** The pod is gone: what nobody else uses is no longer followed. */
  async release(podUid: string): Promise<void> {
    for (const [id, { users, tasks }] of [...this.#followed]) {
      users.delete(podUid)
      if (users.size > 0) continue
      this.#followed.delete(id)
      await tasks[Symbol.asyncDispose]()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#followed.values()]
    this.#followed.clear()
    await Promise.all(all.map(({ tasks }) => tasks[Symbol.asyncDispose]()))
  }

  async #get<T extends KubernetesObject>(
    resource: ResourceDefinition<T>,
    namespace: string,
    name: string,
    podUid: string,
  ): Promise<T | undefined> {
    const id = `${resource.names.plural}/${namespace}/${name}`
    const known = this.#followed.get(id)
    if (known !== undefined) {
      known.users.add(podUid)
      await known.informer.synced(known.tasks.signal)
      return known.informer.get(`${namespace}/${name}`) as T | undefined
    }
    // The first read is direct: it says at once whether the object is there, while the watch is still on its way.
    const found = await this.#dependencies.client.find(resource, `${namespace}/${name}`)
    const only = { namespace, fieldSelector: `metadata.name=${name}` }
    if (!this.#followed.has(id)) this.#follow(resource as unknown as ResourceDefinition, only, id)
    this.#followed.get(id)!.users.add(podUid)
    return found
  }

  #follow(resource: ResourceDefinition, options: InformerOptions, id: string): void {
    const tasks = new TaskGroup({
      onError: (error) => this.#dependencies.log.warn('Following an object failed', { object: id, error }),
    })
    const informer = new Informer<KubernetesObject>(resource, options, this.#dependencies)
    const followed: Followed = { informer, tasks, users: new Set() }
    this.#followed.set(id, followed)
    informer.onChange(() => {
      for (const uid of followed.users) this.#onChange(uid)
    })
    tasks.spawn((signal) => informer.run(signal))
  }
}
