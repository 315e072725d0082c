import { type Answer, andThen } from '#base'
import type { TransportResponse } from '#client'
import { badRequest, methodNotAllowed } from '#meta'
import type { RequestContext } from './context.ts'
import type { PipelineOptions } from './pipeline.ts'
import { encoded } from './presentation/body.ts'
import { checkStreamed, formOf } from './presentation/form-of.ts'
import { Presenter } from './presentation/presenter.ts'
import { reply, replyObject } from './response.ts'
import { get, list, type ReadDependencies } from './rest/list.ts'
import type { WrittenVersion } from './rest/upsert.ts'
import { watch } from './rest/watch.ts'
import { create, deletedStatus, patch, remove, removeCollection, update } from './rest/write.ts'
import { nothingThere } from './routes.ts'
import { subresources } from './subresources/index.ts'
import type { HandlerDependencies } from './subresources/types.ts'
import { refuseTable } from './virtual/forms.ts'
import { virtualResources } from './virtual/index.ts'

/** Subresources whose answer is a connection, or comes from somewhere else as it is. */
const STREAMS = new Set(['attach', 'exec', 'log', 'portforward', 'proxy'])

/** Sends a request for a resource to the verb, the subresource or the virtual kind that serves it. */
export class Dispatcher {
  readonly #options: PipelineOptions
  readonly #dependencies: HandlerDependencies
  readonly #reads: ReadDependencies

  constructor(options: PipelineOptions) {
    this.#options = options
    const { registry, store, clock, random, log, nodes, authentication, tokens, authorizers, reachPod } = options
    const presenter = (context: RequestContext): Presenter => this.#presenter(context)
    this.#reads = { cache: registry.cache, store, clock }
    this.#dependencies = { registry, store, clock, random, log, nodes, authentication, tokens, authorizers, reachPod, presenter }
  }

  get dependencies(): HandlerDependencies {
    return this.#dependencies
  }

  dispatch(context: RequestContext): Answer<TransportResponse> {
    const { info } = context
    // What can't be answered in any acceptable form is refused before it changes anything.
    const form = STREAMS.has(info.subresource) ? undefined : formOf(context)
    return andThen(this.#handle(context), (response) => {
      context.audit?.responded(response.body)
      return form === undefined ? response : encoded(response, form)
    })
  }

  #handle(context: RequestContext): Answer<TransportResponse> {
    const { info, resource } = context
    if (!resource.stored) return this.#virtual(context)
    if (info.isNamed && info.verb !== 'create') checkNameOfPath(info.name)
    if (info.subresource !== '' && info.subresource !== 'status') return this.#subresource(context)
    // A read that fails says why, however it was to be shown.
    if (info.verb === 'get')
      return andThen(get(context, this.#reads), (version) => reply(200, this.#presenter(context).one(version)))
    if (info.verb === 'list') return this.#list(context)
    if (info.verb === 'watch') return this.#watch(context)
    return this.#write(context, this.#presenter(context))
  }

  async #list(context: RequestContext): Promise<TransportResponse> {
    const { versions, metadata } = await list(context, this.#reads)
    return reply(200, this.#presenter(context).list(versions, metadata))
  }

  async #watch(context: RequestContext): Promise<TransportResponse> {
    const { watches } = this.#options
    const streaming = (): { readonly presenter: Presenter; readonly mediaType: string } => {
      const presenter = this.#presenter(context)
      const mediaType = presenter.streamMediaType
      checkStreamed(context)
      return { presenter, mediaType }
    }
    const { frames, mediaType } = await watch(context, streaming, { ...this.#reads, watches })
    return { status: 200, headers: { 'content-type': mediaType }, body: { kind: 'watch', frames } }
  }

  async #write(context: RequestContext, presenter: Presenter): Promise<TransportResponse> {
    const { registry, authorizers } = this.#options
    const { info, resource } = context
    const reads = this.#reads
    switch (info.verb) {
      case 'create':
        return reply(201, presenter.one(await create(context, registry)))
      case 'update':
        return written(await update(context, registry, authorizers), presenter)
      case 'patch':
        return written(await patch(context, registry, authorizers), presenter)
      case 'delete': {
        const { version, gone, code } = await remove(context, registry)
        const status = gone && !resource.returnsDeleted
        return status ? replyObject(200, deletedStatus(context, version)) : reply(code, presenter.one(version))
      }
      case 'deletecollection': {
        const { versions, metadata } = await removeCollection(context, registry, reads)
        return reply(200, presenter.list(versions, metadata))
      }
      case '':
      case 'get':
      case 'list':
      case 'watch':
      case 'proxy':
        throw methodNotAllowed(resource, info.verb)
    }
  }

  #subresource(context: RequestContext): Promise<TransportResponse> {
    const { info, resource } = context
    const handler = subresources.find(
      ({ name, resources }) =>
        name === info.subresource && (resources === undefined || resources.includes(resource.names.plural)),
    )
    if (handler === undefined) throw nothingThere()
    return handler.handle(context, this.#dependencies)
  }

  async #virtual(context: RequestContext): Promise<TransportResponse> {
    const { resource } = context
    const handler = virtualResources.find((each) => each.resource === resource)
    if (handler === undefined) throw nothingThere()
    if (!handler.hasTable) refuseTable(context.headers['accept'])
    return handler.handle(context, this.#dependencies)
  }

  #presenter(context: RequestContext): Presenter {
    return new Presenter(context.resource, formOf(context), context.query, () => this.#options.clock.now())
  }
}

/** No object has a name that would lead elsewhere in a path. */
function checkNameOfPath(name: string): void {
  const problem = name === '.' || name === '..' ? `may not be '${name}'` : name.includes('%') ? "may not contain '%'" : undefined
  if (problem !== undefined) throw badRequest(`Name parameter invalid: ${JSON.stringify(name)}: ${problem}`)
}

const written = ({ version, created }: WrittenVersion, presenter: Presenter): TransportResponse =>
  reply(created ? 201 : 200, presenter.one(version))
