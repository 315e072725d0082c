import { type Scale, type ScalePaths, scaleColumns, schemaOf } from '#api'
import { assert, deepClone, deepEqual } from '#base'
import {
  apiVersionOf,
  badRequest,
  compileSelector,
  failure,
  internalError,
  type KubernetesObject,
  type LabelSelector,
  printSelector,
} from '#meta'
import type { RequestContext } from '../context.ts'
import { formOf } from '../presentation/form-of.ts'
import { includeObjectOf } from '../presentation/negotiate.ts'
import { partialMetadata, tableOf } from '../presentation/table.ts'
import { type DecodedBody, decodeBody, readAs } from '../registry/decode-body.ts'
import { checkWriteOptions } from '../registry/field-management.ts'
import type { ObjectVersion } from '../registry/object-version.ts'
import type { Registry } from '../registry/registry.ts'
import { replyObject } from '../response.ts'
import { onto } from '../rest/apply.ts'
import { get } from '../rest/list.ts'
import { withManagers } from '../rest/part.ts'
import { applyPatch, type PatchBody, patchTypeOf, readingOf, readPatch, UNREADABLE_PATCH } from '../rest/patch.ts'
import { checkIdentity, decodeOptionsOf, isDryRun } from '../rest/write-options.ts'
import type { Subresource } from './types.ts'

const NAMES = { kind: 'Scale', version: 'v1' }

/** `scale`: the number of replicas of any kind that declares where it keeps it. */
export const scale: Subresource = {
  name: 'scale',
  async handle(context, { registry, store, clock }) {
    const { info, resource } = context
    const paths = resource.subresources.scale
    assert(paths !== undefined, 'only kinds that declare where they keep it have this part')
    const { object } =
      info.verb === 'get' ? await get(context, { cache: registry.cache, store, clock }) : await write(context, registry, paths)
    if (info.verb === 'get' && isUnset(context, object, paths))
      throw internalError(new Error(`the spec replicas field ${JSON.stringify(paths.spec)} does not exist`))
    const shown = scaleOf(object, paths)
    const form = formOf(context)
    if (form.as === 'metadata') return replyObject(200, partialMetadata(shown, form.version))
    if (form.as !== 'table') return replyObject(200, shown)
    const { resourceVersion = '' } = object.metadata ?? {}
    const options = { version: form.version, includeObject: includeObjectOf(context.query), nowMs: clock.now() }
    return replyObject(200, tableOf({ columns: scaleColumns(resource) }, [shown], { resourceVersion }, options))
  },
}

async function write(context: RequestContext, registry: Registry, paths: ScalePaths): Promise<ObjectVersion> {
  const { info } = context
  const options = decodeOptionsOf(context, { apiVersion: 'autoscaling/v1', kind: 'Scale' })
  const type = info.verb === 'patch' ? patchTypeOf(options.contentType, context.resource) : undefined
  checkWriteOptions(context, type === undefined ? 'UpdateOptions' : 'PatchOptions', type === 'apply')
  const isPatch = type !== undefined && type !== 'apply'
  const body: PatchBody = isPatch
    ? await readPatch(context.body, { ...options, unreadable: UNREADABLE_PATCH })
    : await decodeBody(context.body, options)
  const schema = schemaOf('io.k8s.api.autoscaling.v1.Scale')
  const read = (from: DecodedBody, own = options): Scale => readAs(from, schema, NAMES, own) as Scale
  const sent = body.refusal === undefined && !isPatch ? read(body) : undefined
  if (type === undefined) checkIdentity(sent!, context)
  const applied = type === 'apply' ? onto(context, registry, configurationOf(context, paths, sent!), []) : undefined
  return registry.update(context, info.name, {
    dryRun: isDryRun(context),
    subresource: 'scale',
    applied: applied !== undefined,
    view: {
      of: (object) => scaleOf(object, paths),
      take: (view, object) => set(object, paths.spec, (view as Scale).spec?.replicas ?? 0),
    },
    preconditions: { uid: sent?.metadata?.uid, resourceVersion: sent?.metadata?.resourceVersion },
    transform: (current) => {
      if (body.refusal !== undefined) throw body.refusal
      const shown = scaleOf(current, paths)
      const wasUnset = isUnset(context, current, paths)
      if (wasUnset) shown.spec = { replicas: UNSET }
      if (type === undefined || type === 'apply') {
        const scaled = withReplicas(context, current, paths, sent!, shown)
        return applied === undefined ? scaled : withManagers(scaled, applied(current))
      }
      const value = applyPatch(type, shown, body.value, { ...context.resource, schema: () => schema })
      const reading = readingOf(type, body.value, value, { custom: undefined })
      const wanted = read({ value, duplicates: body.duplicates }, { ...options, ...reading })
      if (wasUnset && wanted.spec?.replicas === UNSET)
        throw badRequest(`the spec replicas field ${JSON.stringify(paths.spec)} cannot be empty`)
      return withReplicas(context, current, paths, wanted, shown)
    },
  })
}

/** What a count is shown as to a patch while there is none. */
const UNSET = -(2 ** 31)

/** A custom kind may have no count, which is no count of zero. */
const isUnset = ({ resource }: RequestContext, object: KubernetesObject, paths: ScalePaths): boolean =>
  resource.custom !== undefined && (read(object, paths.spec) ?? undefined) === undefined

/** What an applied Scale says of the object that it scales. */
function configurationOf({ resource, info }: RequestContext, paths: ScalePaths, sent: Scale): KubernetesObject {
  if (sent.metadata?.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil')
  const configuration: KubernetesObject = {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: { name: info.name },
  }
  if (sent.spec?.replicas !== undefined) set(configuration, paths.spec, sent.spec.replicas)
  return configuration
}

function withReplicas(
  { resource }: RequestContext,
  current: KubernetesObject,
  paths: ScalePaths,
  wanted: Scale,
  shown: Scale,
): KubernetesObject {
  const replicas = wanted.spec?.replicas ?? 0
  // A custom kind judges its own field.
  if (replicas < 0 && resource.custom === undefined) {
    throw failure(
      422,
      'Invalid',
      `Scale "${current.metadata?.name}" is invalid: spec.replicas: Invalid value: ${replicas}: must be greater than or equal to 0`,
      {
        kind: resource.names.plural,
        causes: [
          {
            reason: 'FieldValueInvalid',
            field: 'spec.replicas',
            message: `Invalid value: ${replicas}: must be greater than or equal to 0`,
          },
        ],
      },
    )
  }
  if (deepEqual(wanted.spec, shown.spec)) return current
  const draft = deepClone(current)
  set(draft, paths.spec, replicas)
  return draft
}

export function scaleOf(object: KubernetesObject, paths: ScalePaths): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata ?? {}
  const selector = selectorOf(object, paths.selector ?? '.spec.selector')
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp } as NonNullable<Scale['metadata']>,
    spec: { replicas: (read(object, paths.spec) as number | undefined) ?? 0 },
    status: { replicas: (read(object, paths.status) as number | undefined) ?? 0, ...(selector !== '' && { selector }) },
  }
}

/** Kinds keep a LabelSelector, plain labels, or the printed form. */
function selectorOf(object: KubernetesObject, path: string): string {
  if (path === '') return ''
  const value = read(object, path)
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  const isSelector = 'matchLabels' in (value as object) || 'matchExpressions' in (value as object)
  return printSelector(compileSelector(isSelector ? (value as LabelSelector) : { matchLabels: value as Record<string, string> }))
}

const keysOf = (path: string): string[] => path.split('.').filter((key) => key !== '')

function read(object: unknown, path: string): unknown {
  return keysOf(path).reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object)
}

function set(object: KubernetesObject, path: string, value: unknown): void {
  const keys = keysOf(path)
  let at = object as unknown as Record<string, unknown>
  for (const key of keys.slice(0, -1)) at = (at[key] ??= {}) as Record<string, unknown>
  const last = keys.at(-1)
  if (last === undefined) throw badRequest('the scale path is empty')
  at[last] = value
}
