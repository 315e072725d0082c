import { createHash } from 'node:crypto'
import { type ClusterTrustBundle, clusterTrustBundles, clusterTrustBundlesV1alpha1, type ResourceDefinition } from '#api'
import { TaskGroup } from '#base'
import { type Client, type Informer, WorkQueue } from '#client'
import { isAlreadyExists, isNotFound } from '#meta'
import type { ManagerContext } from './framework/index.ts'

const NAME = 'kube-apiserver-serving-clustertrustbundle-publisher'
const SIGNER = 'kubernetes.io/kube-apiserver-serving'
/** Of the digest, so much is in the name of a bundle. */
const DIGEST_BYTES = 12

/**
 * Keeps what clients verify the API server with as the one ClusterTrustBundle of its signer, in the newest version that is served. Its name tells its content, so that
 * pods never see a bundle half old and half new; those of former authorities go.
 */
export async function trustBundlePublisher(manager: ManagerContext): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const { features, rootCA, clock, informers } = manager
  if (!features.isOn('ClusterTrustBundle') || rootCA === '') return stack.move()
  const log = manager.log.child({ controller: NAME })
  const client = manager.clientFor(NAME)
  const resource = await servedVersion(client)
  if (resource === undefined) {
    log.info('ClusterTrustBundles are not served, so none is published', {})
    return stack.move()
  }
  const informer = informers.for(resource, { fieldSelector: `spec.signerName=${SIGNER}` })
  const queue = new WorkQueue(clock)
  stack.use(informer.onChange(() => queue.add(SIGNER)))
  const tasks = stack.use(new TaskGroup({ onError: (error) => log.error('The publisher of trust bundles stopped', { error }) }))
  await informer.synced(tasks.signal)
  queue.add(SIGNER)
  tasks.spawn(async (signal) => {
    for (let key = await queue.take(); key !== undefined && !signal.aborted; key = await queue.take()) {
      try {
        await publish(rootCA, { client, resource, informer })
        queue.forget(key)
      } catch (error) {
        if (signal.aborted) return
        log.warn('A trust bundle could not be published and is tried again', { error })
        queue.addRateLimited(key)
      } finally {
        queue.done(key)
      }
    }
  })
  stack.defer(() => queue[Symbol.dispose]())
  return stack.move()
}

interface Publishing {
  readonly client: Client
  readonly resource: ResourceDefinition<ClusterTrustBundle>
  readonly informer: Informer<ClusterTrustBundle>
}

async function publish(trustBundle: string, { client, resource, informer }: Publishing): Promise<void> {
  const digest = createHash('sha256').update(trustBundle).digest().subarray(0, DIGEST_BYTES).toString('hex')
  const name = `${SIGNER.replaceAll('/', ':')}:${digest}`
  const spec = { signerName: SIGNER, trustBundle }
  const current = informer.get(name)
  if (current === undefined) {
    await client.create(resource, { metadata: { name }, spec }).catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error
    })
  } else if (current.spec.trustBundle !== trustBundle) await client.update(resource, { ...current, spec })
  for (const { metadata } of informer.list()) {
    if (metadata?.name === name) continue
    await client.delete(resource, metadata!.name!).catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
  }
}

async function servedVersion(client: Client): Promise<ResourceDefinition<ClusterTrustBundle> | undefined> {
  for (const resource of [clusterTrustBundles, clusterTrustBundlesV1alpha1]) {
    try {
      await client.list(resource, { limit: 1 })
      return resource
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
  return undefined
}
