import type { KubernetesObject } from '#meta'
import type { RequestContext } from '../context.ts'
import { decodeBody, readObject } from '../registry/decode-body.ts'
import { checkWriteOptions } from '../registry/field-management.ts'
import type { ObjectVersion } from '../registry/object-version.ts'
import type { Registry } from '../registry/registry.ts'
import { checkedConfiguration, onto } from './apply.ts'
import { applyPatch, type PatchBody, patchFindings, patchTypeOf, readingOf, readPatch, UNREADABLE_PATCH } from './patch.ts'
import { decodeOptionsOf, isDryRun } from './write-options.ts'

/**
 * An update or a patch of any type through a subresource whose body is the whole object, and of which `change` takes over only its part.
 */
export async function writePart<T extends KubernetesObject>(
  context: RequestContext,
  registry: Registry,
  change: (current: T, sent: T) => T,
): Promise<ObjectVersion> {
  const { info, resource } = context
  const options = decodeOptionsOf(context)
  const type = info.verb === 'patch' ? patchTypeOf(options.contentType, resource) : undefined
  checkWriteOptions(context, type === undefined ? 'UpdateOptions' : 'PatchOptions', type === 'apply')
  const isPatch = type !== undefined && type !== 'apply'
  const body: PatchBody = isPatch
    ? await readPatch(context.body, { ...options, unreadable: UNREADABLE_PATCH })
    : await decodeBody(context.body, options)
  const { value, duplicates = [] } = body
  const findings = type === undefined || type === 'apply' ? duplicates : patchFindings(type, value, duplicates)
  const apply = type === 'apply' ? onto(context, registry, checkedConfiguration(value, context), duplicates) : undefined
  const read = (current: T): T => {
    if (body.refusal !== undefined) throw body.refusal
    if (apply !== undefined) return apply(current) as T
    if (type === undefined || type === 'apply') return readObject(body, resource, options) as T
    const patched = applyPatch(type, current, value, resource)
    const made = { value: patched, duplicates: findings }
    return readObject(made, resource, { ...options, ...readingOf(type, value, patched, resource) }) as T
  }
  return registry.update(context, info.name, {
    dryRun: isDryRun(context),
    subresource: info.subresource,
    applied: apply !== undefined,
    transform: (current) => {
      const sent = read(current as T)
      const changed = change(current as T, sent)
      return apply === undefined ? changed : withManagers(changed, sent)
    },
  })
}

/** What an apply settled about owners belongs to the object, whichever part of it is taken over. */
export function withManagers<T extends KubernetesObject>(object: T, { metadata }: KubernetesObject): T {
  const { managedFields: _, ...rest } = object.metadata ?? {}
  return { ...object, metadata: { ...rest, ...(metadata?.managedFields && { managedFields: metadata.managedFields }) } }
}
