import { qualifiedName, type ResourceDefinition } from '#api'
import { forbidden, type GroupVersionKind, type KubernetesObject, parseApiVersion, type StatusError } from '#meta'
import type { RequestContext } from '../context.ts'
import type { Attributes, Operation } from './types.ts'

/** What is particular to one write beside its request. */
export interface Write {
  readonly operation: Operation
  readonly subresource: string
  readonly name: string
  readonly object: KubernetesObject | undefined
  readonly oldObject: KubernetesObject | undefined
  readonly dryRun: boolean
  /** Of the object, when it is not the resource's. */
  readonly kind?: GroupVersionKind
  readonly options?: Readonly<Record<string, unknown>>
}

const OPTIONS_KIND = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions', CONNECT: '' } as const

export function attributesOf(context: RequestContext, write: Write): Attributes {
  const { user, resource, info, warnings } = context
  const { group, version, kind } = resource
  return {
    user,
    resource,
    kind: { group, version, kind },
    namespace: info.namespace,
    warnings,
    annotations: context.audit?.annotations ?? new Map(),
    timekeeper: context.webhookTime,
    reinvocation: { again: false, wanted: false },
    ...write,
    options: optionsOf(context, write),
  }
}

function optionsOf({ query, method }: RequestContext, { operation, options, dryRun }: Write): Record<string, unknown> {
  const kind = operation === 'UPDATE' && method === 'PATCH' ? 'PatchOptions' : OPTIONS_KIND[operation]
  if (kind === '') return {}
  const asked = (name: string): Record<string, string> => (query.get(name) ? { [name]: query.get(name)! } : {})
  return {
    kind,
    apiVersion: 'meta.k8s.io/v1',
    ...options,
    ...(operation !== 'DELETE' && { ...asked('fieldManager'), ...asked('fieldValidation') }),
    ...(dryRun && { dryRun: ['All'] }),
  }
}

/** The draft, if it is of this resource itself. */
export const draftOf = <T extends KubernetesObject>(
  { resource, subresource, object }: Attributes,
  wanted: ResourceDefinition<T>,
): T | undefined => (resource === (wanted as unknown) && subresource === '' ? (object as T | undefined) : undefined)

/** A refusal in upstream's words. An object whose name is not known yet goes by what its name will begin with. */
export function refused({ resource, name, object }: Attributes, why: string): StatusError {
  return forbidden(resource, name || object?.metadata?.name || object?.metadata?.generateName || 'Unknown', why)
}

/** Adds to the audit event of the request. A key that is none, or that is taken, is dropped, as upstream does; says why. */
export function annotate({ annotations }: Attributes, key: string, value: string): string | undefined {
  if (key.split('/').length !== 2) return 'it is not a domain and a name'
  const [problem] = qualifiedName(key)
  if (problem !== undefined) return problem
  if (annotations.has(key)) return 'it is taken'
  annotations.set(key, value)
  return undefined
}

/** Gives the draft other content; whoever holds it sees the change. */
export function replaceContent(draft: KubernetesObject, content: KubernetesObject): void {
  for (const key of Object.keys(draft)) delete (draft as unknown as Record<string, unknown>)[key]
  Object.assign(draft, content)
}

/** The kind that an object names. */
export function kindOf({ apiVersion = '', kind = '' }: KubernetesObject): GroupVersionKind {
  return { ...parseApiVersion(apiVersion), kind }
}
