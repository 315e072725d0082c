import type { ResourceDefinition } from '#api'
import { deepFreeze } from '#base'
import {
  apiVersionOf,
  failure,
  type KubernetesList,
  type KubernetesObject,
  keyOf,
  type ObjectKey,
  type Status,
  type StatusDetails,
  StatusError,
  type StatusReason,
} from '#meta'
import type {
  CallOptions,
  Client,
  DeleteOptions,
  ListCallOptions,
  PatchOptions,
  SelectorOptions,
  WatchCallOptions,
  WatchEvent,
  WriteOptions,
} from './client.ts'
import { collectionPath, objectPath } from './paths.ts'
import type { ResponseBody, Transport, TransportRequest, TransportResponse } from './transport.ts'

const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const

/** A client over any transport. `fieldManager` names it in the objects it writes. */
export function createClient(transport: Transport, options: { readonly fieldManager?: string } = {}): Client {
  return new ApiClient(transport, options.fieldManager)
}

class ApiClient implements Client {
  readonly #transport: Transport
  readonly #fieldManager: string | undefined

  constructor(transport: Transport, fieldManager: string | undefined) {
    this.#transport = transport
    this.#fieldManager = fieldManager
  }

  get<T extends KubernetesObject>(resource: ResourceDefinition<T>, key: ObjectKey, options: CallOptions = {}): Promise<T> {
    return this.#object({ method: 'GET', path: objectPath(resource, key), signal: options.signal })
  }

  async find<T extends KubernetesObject>(
    resource: ResourceDefinition<T>,
    key: ObjectKey,
    options: CallOptions = {},
  ): Promise<T | undefined> {
    const response = await this.#transport.request({ method: 'GET', path: objectPath(resource, key), signal: options.signal })
    if (response.status === 404) {
      const answer = await objectOf(response.body)
      // Only the object's own absence is an answer; a path that is not served is a failure.
      if ((answer as Status).details?.name !== undefined) return undefined
      throw refusalOf(response, answer)
    }
    return (await checked(response)) as T
  }

  async list<T extends KubernetesObject>(
    resource: ResourceDefinition<T>,
    options: ListCallOptions = {},
  ): Promise<KubernetesList<T>> {
    const { namespace, signal, ...parameters } = options
    const request = { method: 'GET', path: collectionPath(resource, namespace), query: queryOf(parameters), signal } as const
    const list = await this.#object<KubernetesList<T>>(request)
    // Over the wire only the list says what they are, unless they are custom objects.
    if (list.items[0]?.kind !== undefined || list.items.length === 0) return list
    const type = { kind: resource.kind, apiVersion: apiVersionOf(resource) }
    return { ...list, items: list.items.map((item) => ({ ...type, ...item })) }
  }

  async *watch<T extends KubernetesObject>(
    resource: ResourceDefinition<T>,
    options: WatchCallOptions = {},
  ): AsyncIterable<WatchEvent<T>> {
    const { namespace, signal, ...parameters } = options
    const query = queryOf({ ...parameters, watch: true })
    const response = await this.#transport.request({ method: 'GET', path: collectionPath(resource, namespace), query, signal })
    if (response.status >= 400) await checked(response)
    if (response.body.kind !== 'watch') throw new Error(`the server answered a watch with ${response.body.kind}`)
    for await (const { type, object } of response.body.frames) {
      if (type === 'ERROR') throw new StatusError(object as Status)
      yield { type, object } as WatchEvent<T>
    }
  }

  create<T extends KubernetesObject>(resource: ResourceDefinition<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const path = collectionPath(resource, object.metadata?.namespace)
    return this.#write('POST', path, object, options)
  }

  update<T extends KubernetesObject>(resource: ResourceDefinition<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.#write('PUT', objectPath(resource, keyOf(object), options.subresource), object, options)
  }

  updateStatus<T extends KubernetesObject>(resource: ResourceDefinition<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.update(resource, object, { ...options, subresource: 'status' })
  }

  patch<T extends KubernetesObject>(
    resource: ResourceDefinition<T>,
    key: ObjectKey,
    body: unknown,
    options: PatchOptions,
  ): Promise<T> {
    const { type, force, subresource, ...rest } = options
    const query = this.#writeQuery(rest)
    if (force) query.set('force', 'true')
    return this.#object({
      method: 'PATCH',
      path: objectPath(resource, key, subresource),
      query,
      headers: { 'content-type': PATCH_TYPES[type] },
      body: { kind: 'object', object: body },
      signal: options.signal,
    })
  }

  async delete<T extends KubernetesObject>(
    resource: ResourceDefinition<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<T | undefined> {
    const result = await this.#object<T & { status?: unknown }>({
      method: 'DELETE',
      path: objectPath(resource, key),
      headers: { 'content-type': 'application/json' },
      body: { kind: 'object', object: deleteBody(options) },
      signal: options.signal,
    })
    return result.kind === 'Status' ? undefined : result
  }

  async deleteCollection<T extends KubernetesObject>(
    resource: ResourceDefinition<T>,
    options: SelectorOptions & Omit<DeleteOptions, 'preconditions'> = {},
  ): Promise<void> {
    const { namespace, signal, labelSelector, fieldSelector, ...rest } = options
    await this.#object({
      method: 'DELETE',
      path: collectionPath(resource, namespace),
      query: queryOf({ labelSelector, fieldSelector }),
      headers: { 'content-type': 'application/json' },
      body: { kind: 'object', object: deleteBody(rest) },
      signal,
    })
  }

  createSubresource<B extends KubernetesObject>(
    resource: ResourceDefinition,
    key: ObjectKey,
    subresource: string,
    body: B,
    options: WriteOptions = {},
  ): Promise<B> {
    return this.#write('POST', objectPath(resource, key, subresource), body, options)
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    const response = await this.#transport.request(request)
    if (response.status >= 400) await checked(response)
    return response
  }

  #write<T>(method: 'POST' | 'PUT', path: string, object: unknown, options: WriteOptions): Promise<T> {
    return this.#object({
      method,
      path,
      query: this.#writeQuery(options),
      headers: { 'content-type': 'application/json' },
      body: { kind: 'object', object },
      signal: options.signal,
    })
  }

  #writeQuery({ fieldManager = this.#fieldManager, dryRun, fieldValidation }: WriteOptions): URLSearchParams {
    return queryOf({ fieldManager, dryRun: dryRun ? 'All' : undefined, fieldValidation })
  }

  async #object<T>(request: TransportRequest): Promise<T> {
    return (await checked(await this.#transport.request(request))) as T
  }
}

function deleteBody({ preconditions, propagationPolicy, gracePeriodSeconds, dryRun }: DeleteOptions): unknown {
  return {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    ...(preconditions && { preconditions }),
    ...(propagationPolicy && { propagationPolicy }),
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(dryRun && { dryRun: ['All'] }),
  }
}

function queryOf(parameters: Readonly<Record<string, string | number | boolean | undefined>>): URLSearchParams {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined && value !== '') query.set(name, String(value))
  return query
}

/** The object of a success; throws the Status of a failure. */
async function checked(response: TransportResponse): Promise<unknown> {
  const object = await objectOf(response.body)
  if (response.status < 400) return object
  throw refusalOf(response, object)
}

function refusalOf(response: TransportResponse, object: unknown): StatusError {
  if ((object as Partial<Status>)?.kind === 'Status') return new StatusError(object as Status)
  // A path that nobody serves is answered with a page, which says no more than this.
  const said = response.status === 404 ? 'the server could not find the requested resource' : object
  const message = typeof said === 'string' && said !== '' ? said : `the server answered ${response.status}`
  return failure(response.status, REASONS[response.status] ?? '', message.trimEnd(), retryOf(response))
}

/** What an answer that is no Status means (priority and fairness, proxies on the way). */
const REASONS: Readonly<Record<number, StatusReason>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  406: 'NotAcceptable',
  415: 'UnsupportedMediaType',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

function retryOf({ headers }: TransportResponse): StatusDetails | undefined {
  const seconds = Number(headers['retry-after'])
  return Number.isInteger(seconds) ? { retryAfterSeconds: seconds } : undefined
}

/** What a body says, whether it came as an object, in one piece or as a stream; text is text. */
export async function objectOf(body: ResponseBody): Promise<unknown> {
  switch (body.kind) {
    case 'none':
      return undefined
    case 'object':
      return body.object
    case 'bytes':
      return parse(body.bytes)
    case 'stream': {
      const chunks: Uint8Array[] = []
      for await (const chunk of body.stream) chunks.push(chunk)
      return parse(Buffer.concat(chunks))
    }
    case 'watch':
      throw new Error('a watch has no single object')
  }
}

function parse(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes).toString()
  try {
    return deepFreeze(JSON.parse(text))
  } catch {
    return text
  }
}
