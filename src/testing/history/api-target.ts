import { configMaps } from '#api'
import type { Client, ResponseBody, WatchEvent } from '#client'
import { type KubernetesObject, StatusError } from '#meta'
import type { Action, Answer, Freshness, Seen, Told } from './history.ts'
import { Broken, type Target } from './workload.ts'

type ConfigMap = KubernetesObject & { readonly data?: Readonly<Record<string, string>> | undefined }

const NAMESPACE = 'default'
/** Keys of a history are names below this. */
export const API_PREFIX = `${NAMESPACE}/t-`
const SELECTOR = 'history=kept'
const LABELS = { history: 'kept' }
const PATH = `/api/v1/namespaces/${NAMESPACE}/configmaps`

/** ConfigMaps of an API server as those see it whose history is kept. Of a delete it is not told at which revision it was done. */
export function apiTarget(client: Client): Target {
  return {
    prefix: API_PREFIX,
    ask: (action) => answered(action, () => ask(client, action)),
    async *watch(since, signal) {
      // A watch ends from time to time, and an error frame or a connection that broke ends it too.
      try {
        const options = { namespace: NAMESPACE, labelSelector: SELECTOR, allowWatchBookmarks: true, signal }
        for await (const event of client.watch(configMaps, { ...options, resourceVersion: String(since) })) yield toldOf(event)
      } catch (error) {
        if (error instanceof StatusError && error.code === 410) throw error
        throw new Broken('the watch broke', { cause: error })
      }
    },
    async latest() {
      return revisionOf(await client.list(configMaps, { namespace: NAMESPACE, limit: 1 }))
    },
  }
}

async function ask(client: Client, action: Action): Promise<Answer> {
  switch (action.type) {
    case 'put': {
      const { key, value, from } = action
      const metadata = { name: nameOf(key), namespace: NAMESPACE, labels: LABELS }
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { value } }
      const written =
        from === undefined
          ? await client.create(configMaps, object)
          : await client.update(configMaps, { ...object, metadata: { ...metadata, resourceVersion: String(from.revision) } })
      return { type: 'done', revision: revisionOf(written) }
    }
    case 'delete': {
      const preconditions = { resourceVersion: String(action.from.revision) }
      await client.delete(configMaps, action.key, { preconditions })
      return { type: 'done', revision: undefined }
    }
    case 'get': {
      const found = await read<ConfigMap>(client, `${PATH}/${nameOf(action.key)}`, action.freshness)
      return { type: 'read', entries: found === undefined ? [] : [seenOf(found)], revision: undefined }
    }
    case 'list': {
      const list = await read<KubernetesObject & { readonly items: readonly ConfigMap[] }>(
        client,
        PATH,
        action.freshness,
        SELECTOR,
      )
      return { type: 'read', entries: list!.items.map(seenOf), revision: revisionOf(list!) }
    }
  }
}

async function answered(action: Action, asking: () => Promise<Answer>): Promise<Answer> {
  const isWrite = action.type === 'put' || action.type === 'delete'
  try {
    return await asking()
  } catch (error) {
    const { code = 0 } = error instanceof StatusError ? error : {}
    if (isWrite && code === 409) return { type: 'refused', current: undefined }
    if (isWrite && code === 404) return { type: 'refused', current: null }
    // A server that is too busy, or does not know yet of so new a revision, has done nothing.
    if (code === 429 || code === 503 || !isWrite) return { type: 'failed' }
    if (code === 0 || code >= 500) return { type: 'unknown' }
    throw error
  }
}

async function read<T extends KubernetesObject>(
  client: Client,
  path: string,
  freshness: Freshness,
  labelSelector?: string,
): Promise<T | undefined> {
  const query = new URLSearchParams(labelSelector === undefined ? {} : { labelSelector })
  if (freshness !== 'latest') query.set('resourceVersion', freshness === 'any' ? '0' : String(freshness))
  try {
    const { body } = await client.request({ method: 'GET', path, query })
    return objectOf(body) as T
  } catch (error) {
    if (error instanceof StatusError && error.code === 404) return undefined
    throw error
  }
}

function objectOf(body: ResponseBody): unknown {
  if (body.kind === 'object') return body.object
  if (body.kind === 'bytes') return JSON.parse(Buffer.from(body.bytes).toString())
  throw new Error(`a read was answered with ${body.kind}`)
}

function toldOf({ type, object }: WatchEvent<ConfigMap>): Told {
  if (type === 'BOOKMARK') return { type: 'progress', revision: revisionOf(object) }
  return { type: type === 'DELETED' ? 'delete' : 'put', ...seenOf(object), previous: undefined }
}

const nameOf = (key: string): string => key.slice(NAMESPACE.length + 1)
const revisionOf = ({ metadata }: KubernetesObject): number => Number(metadata?.resourceVersion)
const seenOf = (object: ConfigMap): Seen => ({
  key: `${NAMESPACE}/${object.metadata?.name}`,
  value: object.data?.['value'] ?? '',
  revision: revisionOf(object),
})
