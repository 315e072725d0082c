import { type Scale, type ScalePaths, schemaOf } from '#api'
import { deepClone, deepEqual } from '#base'
import { badRequest, compileSelector, failure, type KubernetesObject, type LabelSelector, printSelector } from '#meta'
import type { RequestContext } from '../context.ts'
import { decodeBody, readAs } from '../registry/decode-body.ts'
import { replyJson } from '../response.ts'
import { applyPatch, patchTypeOf } from '../rest/patch.ts'
import { fieldValidationOf, isDryRun } from '../rest/write.ts'
import type { Subresource } from './types.ts'

const NAMES = { kind: 'Scale', version: 'v1' }

/** `scale`: the number of replicas of any kind that declares where it keeps it. */
export const scale: Subresource = {
  name: 'scale',
  async handle(context, { registry }) {
    const { info, resource } = context
    const paths = resource.subresources.scale
    if (paths === undefined) throw failure(404, 'NotFound', 'the server could not find the requested resource', {})
    if (info.verb === 'get') {
      return replyJson(200, scaleOf((await registry.get(resource, info.namespace, info.name)).object, paths))
    }
    const options = {
      contentType: context.headers['content-type'],
      fieldValidation: fieldValidationOf(context),
      warnings: context.warnings,
    }
    const type = info.verb === 'patch' ? patchTypeOf(options.contentType) : undefined
    const { value, duplicates } = await decodeBody(context.body, options)
    const schema = schemaOf('io.k8s.api.autoscaling.v1.Scale')
    const read = (document: unknown): Scale => readAs(document, duplicates, schema, NAMES, options) as Scale
    const sent = type === undefined ? read(value) : undefined
    const version = await registry.update(context, info.name, {
      dryRun: isDryRun(context),
      subresource: 'scale',
      preconditions: { uid: sent?.metadata?.uid, resourceVersion: sent?.metadata?.resourceVersion },
      transform: (current) => {
        const shown = scaleOf(current, paths)
        const wanted = sent ?? read(applyPatch(type!, shown, value, { ...resource, schema: () => schema }))
        return withReplicas(context, current, paths, wanted, shown)
      },
    })
    return replyJson(200, scaleOf(version.object, paths))
  },
}

function withReplicas(
  { resource }: RequestContext,
  current: KubernetesObject,
  paths: ScalePaths,
  wanted: Scale,
  shown: Scale,
): KubernetesObject {
  const replicas = wanted.spec?.replicas ?? 0
  if (replicas < 0) {
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
  write(draft, paths.spec, replicas)
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
  const value = read(object, path) ?? read(object, '.spec.selector')
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  const isSelector = 'matchLabels' in (value as object) || 'matchExpressions' in (value as object)
  return printSelector(compileSelector(isSelector ? (value as LabelSelector) : { matchLabels: value as Record<string, string> }))
}

const keysOf = (path: string): string[] => path.split('.').filter((key) => key !== '')

function read(object: unknown, path: string): unknown {
  return keysOf(path).reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object)
}

function write(object: KubernetesObject, path: string, value: unknown): void {
  const keys = keysOf(path)
  let at = object as unknown as Record<string, unknown>
  for (const key of keys.slice(0, -1)) at = (at[key] ??= {}) as Record<string, unknown>
  const last = keys.at(-1)
  if (last === undefined) throw badRequest('the scale path is empty')
  at[last] = value
}
