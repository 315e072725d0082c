import { type Node, type Pod, pods } from '#api'
import { deepClone } from '#base'
import type { Client } from '#client'
import { isAlreadyExists, isNotFound } from '#meta'
import { CONFIG_HASH, CONFIG_MIRROR } from './static-pods.ts'

/** Where the API keeps a pod, for its worker. */
export interface PodRecord {
  /** Writes a status as a merge patch; resolves with the pod and its new status, undefined when it is not there any more. */
  writeStatus(pod: Pod, status: Record<string, unknown>): Promise<Pod | undefined>
  /** Whether the API has the pod; otherwise the next status brings it there. */
  isThere(pod: Pod): boolean
  /** The pod has stopped for good. */
  remove(pod: Pod): Promise<void>
}

const keyOf = ({ metadata }: Pod): string => `${metadata?.namespace}/${metadata?.name}`

/** The pod's own object. */
export class ApiRecord implements PodRecord {
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
  }

  async writeStatus(pod: Pod, status: Record<string, unknown>): Promise<Pod | undefined> {
    const updated = await writeStatus(this.#client, pod, status)
    return updated?.metadata?.uid === pod.metadata?.uid ? updated : undefined
  }

  isThere(): boolean {
    return true
  }

  remove(pod: Pod): Promise<void> {
    return removeNow(this.#client, pod)
  }
}

export interface MirrorDependencies {
  readonly client: Client
  node(): Node | undefined
  /** The API's copy as it was last seen. */
  mirrorOf(pod: Pod): Pod | undefined
}

/** The copy that lets the API show a static pod. Whoever deletes it gets it back. */
export class MirrorRecord implements PodRecord {
  readonly #dependencies: MirrorDependencies

  constructor(dependencies: MirrorDependencies) {
    this.#dependencies = dependencies
  }

  async writeStatus(pod: Pod, status: Record<string, unknown>): Promise<Pod | undefined> {
    const mirror = await this.#ensure(pod)
    if (mirror === undefined) return undefined
    const updated = await writeStatus(this.#dependencies.client, mirror, status)
    return updated && { ...pod, status: updated.status! }
  }

  isThere(pod: Pod): boolean {
    const mirror = this.#dependencies.mirrorOf(pod)
    return mirror !== undefined && isMirrorOf(mirror, pod) && mirror.metadata?.deletionTimestamp === undefined
  }

  async remove(pod: Pod): Promise<void> {
    const mirror = this.#dependencies.mirrorOf(pod)
    if (mirror !== undefined && isMirrorOf(mirror, pod)) await removeNow(this.#dependencies.client, mirror)
  }

  async #ensure(pod: Pod): Promise<Pod | undefined> {
    const { client } = this.#dependencies
    const known = this.#dependencies.mirrorOf(pod)
    if (known !== undefined) {
      if (this.isThere(pod)) return known
      await removeNow(client, known)
    }
    try {
      return await client.create(pods, this.#copyOf(pod))
    } catch (error) {
      if (isAlreadyExists(error)) return client.find(pods, keyOf(pod))
      throw error
    }
  }

  #copyOf(pod: Pod): Pod {
    const copy = deepClone(pod) as Pod
    const { name, namespace, labels, annotations } = copy.metadata ?? {}
    const node = this.#dependencies.node()?.metadata
    copy.metadata = {
      name: name!,
      namespace: namespace!,
      ...(labels && { labels }),
      annotations: { ...annotations, [CONFIG_MIRROR]: annotations?.[CONFIG_HASH] ?? '' },
      ...(node && { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.name!, uid: node.uid!, controller: true }] }),
    }
    delete copy.status
    return copy
  }
}

const isMirrorOf = (mirror: Pod, pod: Pod): boolean =>
  mirror.metadata?.annotations?.[CONFIG_MIRROR] === pod.metadata?.annotations?.[CONFIG_HASH]

async function writeStatus(client: Client, pod: Pod, status: Record<string, unknown>): Promise<Pod | undefined> {
  try {
    const patch = { metadata: { uid: pod.metadata?.uid }, status }
    return await client.patch(pods, keyOf(pod), patch, { type: 'merge', subresource: 'status' })
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/** Without grace: what ran of it has stopped. */
export async function removeNow(client: Client, pod: Pod): Promise<void> {
  try {
    await client.delete(pods, keyOf(pod), { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata?.uid ?? '' } })
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

/** Gone already, or a new pod has the name. */
const isGone = (error: unknown): boolean => isNotFound(error) || (error as { reason?: string }).reason === 'Conflict'
