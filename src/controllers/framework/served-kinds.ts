import {
  type APIService,
  allResources,
  apiServices,
  type CustomResourceDefinition,
  customResourceDefinitions,
  type ResourceDefinition,
} from '#api'
import { TaskGroup } from '#base'
import { type Client, discoverResources, type InformerDependencies, Informers, WorkQueue } from '#client'
import { apiVersionOf, type KubernetesObject } from '#meta'

/** Kinds that are served beside the built-in ones, of custom resources and of extension API servers. */
export interface FurtherKinds {
  readonly kinds: readonly ResourceDefinition[]
  /** Group-versions of which nothing is known at present, with why. */
  readonly failures: ReadonlyMap<string, unknown>
}

/** Asks discovery for kinds that nobody built in. */
export async function furtherKinds(client: Client, signal: AbortSignal): Promise<FurtherKinds> {
  const { resources, failures } = await discoverResources(client, signal)
  const builtIn = new Set<unknown>(allResources)
  return { kinds: resources.filter((resource) => !builtIn.has(resource)), failures }
}

/** What is told of kinds that come and go, and of their objects. */
export interface KindFollower {
  /** All that are served now, whether their objects can be followed or not. */
  served(kinds: readonly ResourceDefinition[]): void
  changed(resource: ResourceDefinition, before: KubernetesObject | undefined, after: KubernetesObject | undefined): void
  /** Its objects are not followed any more. */
  forget(resource: ResourceDefinition): void
}

export interface FollowDependencies extends InformerDependencies {
  /** In which definitions and registrations are followed. */
  readonly informers: Informers
}

const DISCOVER = 'discover'
const FOLLOWED_VERBS = ['list', 'watch', 'delete', 'patch'] as const

/** Follows the objects of all kinds that are not built in, as definitions and registrations of them come and go. */
export function followFurtherKinds({ informers, ...own }: FollowDependencies, follower: KindFollower): AsyncDisposable {
  const { client, clock, log } = own
  const stack = new AsyncDisposableStack()
  const followed = new Map<string, { readonly resource: ResourceDefinition; readonly informers: Informers }>()
  stack.defer(async () => {
    await Promise.all([...followed.values()].map(({ informers: each }) => each[Symbol.asyncDispose]()))
  })
  const tasks = stack.use(new TaskGroup({ onError: (error) => log.error('Kinds are not followed any more', { error }) }))
  const queue = stack.use(new WorkQueue(clock))
  const definitions = informers.for(customResourceDefinitions)
  const registrations = informers.for(apiServices)
  stack.use(definitions.onChange(() => queue.add(DISCOVER)))
  // What this server serves itself is built in, or defined.
  const isOfOthers = (service: APIService | undefined): boolean => service?.spec?.service !== undefined
  stack.use(
    registrations.onChange(({ before, after }) => {
      if (isOfOthers(before) || isOfOthers(after)) queue.add(DISCOVER)
    }),
  )

  const bringInLine = async (signal: AbortSignal): Promise<void> => {
    const { kinds, failures } = await furtherKinds(client, signal)
    follower.served(kinds)
    const wanted = new Map(
      kinds.filter(({ verbs }) => FOLLOWED_VERBS.every((verb) => verbs.includes(verb))).map((each) => [idOf(each), each]),
    )
    for (const [id, { resource, informers: each }] of followed) {
      // What can not be discovered at present may still be there.
      if (wanted.has(id) || failures.has(apiVersionOf(resource))) continue
      followed.delete(id)
      await each[Symbol.asyncDispose]()
      follower.forget(resource)
    }
    for (const [id, resource] of wanted) {
      if (followed.has(id)) continue
      const started = new Informers(own)
      followed.set(id, { resource, informers: started })
      started.for(resource).onChange(({ before, after }) => follower.changed(resource, before, after))
    }
    if (failures.size > 0) throw new AggregateError(failures.values(), `${[...failures.keys()].join(', ')} can not be discovered`)
    // A definition is established, and gone, a moment before discovery says so.
    const early = definitions.list().find((crd) => isServed(crd) && !kinds.some((each) => isOf(each, crd)))
    if (early !== undefined) throw new Error(`${early.metadata?.name} is not discovered yet`)
    const isRemote = ({ group, version }: ResourceDefinition): boolean => isOfOthers(registrations.get(`${version}.${group}`))
    const late = kinds.find((each) => !isRemote(each) && !definitions.list().some((crd) => isOf(each, crd)))
    if (late !== undefined) throw new Error(`${idOf(late)} is still discovered`)
  }
  tasks.spawn(async (signal) => {
    for (let key = await queue.take(); key !== undefined && !signal.aborted; key = await queue.take()) {
      try {
        await bringInLine(signal)
        queue.forget(key)
      } catch (error) {
        if (signal.aborted) return
        log.debug('Kinds could not be discovered', { error })
        queue.addRateLimited(key)
      } finally {
        queue.done(key)
      }
    }
  })
  return stack
}

const isServed = ({ spec, status }: CustomResourceDefinition): boolean =>
  spec.versions.some(({ served }) => served) &&
  status?.conditions?.some(({ type, status: value }) => type === 'Established' && value === 'True') === true

const isOf = ({ group, names }: ResourceDefinition, { spec }: CustomResourceDefinition): boolean =>
  group === spec.group && names.plural === spec.names.plural

const idOf = (resource: ResourceDefinition): string => `${apiVersionOf(resource)}/${resource.names.plural}`
