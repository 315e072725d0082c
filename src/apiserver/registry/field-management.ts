import { forbid, MANAGER_BYTES_MAX, type ResourceDefinition, required, unsupported, validateFieldManager } from '#api'
import type { Clock } from '#base'
import {
  apiVersionOf,
  applyConfiguration,
  type FieldError,
  type FieldSet,
  formatTime,
  invalid,
  isPrintable,
  type KubernetesObject,
  type ManagedWrite,
  managedByUpdate,
  type VersionForm,
} from '#meta'
import type { ResourceCatalog } from '../catalog.ts'
import type { RequestContext } from '../context.ts'

/** Keeps `metadata.managedFields` of whatever clients write: reads from the request who writes, from the definition what can't be written. */
export class FieldManagement {
  readonly #catalog: ResourceCatalog
  readonly #clock: Clock
  readonly #resetFields = new WeakMap<ResourceDefinition, Map<string, FieldSet>>()

  constructor(catalog: ResourceCatalog, clock: Clock) {
    this.#catalog = catalog
    this.#clock = clock
  }

  /** Sets the managers of `object` (in its stored form) after a create or an update of `old`. */
  track(context: RequestContext, subresource: string, old: KubernetesObject | undefined, object: KubernetesObject): void {
    const managedFields = managedByUpdate(old, object, this.#write(context, subresource))
    const { managedFields: _, ...metadata } = object.metadata ?? {}
    object.metadata = managedFields === undefined ? metadata : { ...metadata, managedFields }
  }

  /**
   * Server-side apply onto `live` (undefined: nothing there yet). `read` makes an object in the stored form of the merged document.
   * Throws 409 for conflicts, 400 for a configuration that the schema doesn't allow.
   */
  apply(
    context: RequestContext,
    subresource: string,
    live: KubernetesObject | undefined,
    configuration: KubernetesObject,
    read: (merged: unknown) => KubernetesObject,
  ): KubernetesObject {
    const { query } = context
    const { object, managedFields } = applyConfiguration(live, configuration, {
      ...this.#write(context, subresource),
      force: query.get('force') === 'true',
      read,
    })
    const { managedFields: _, ...metadata } = object.metadata ?? {}
    return { ...object, metadata: managedFields === undefined ? metadata : { ...metadata, managedFields } }
  }

  #write(context: RequestContext, subresource: string): ManagedWrite {
    const { resource } = context
    return {
      manager: managerOf(context),
      apiVersion: apiVersionOf(resource),
      subresource,
      form: (apiVersion) => this.#form(resource, apiVersion),
      resetFields: this.#reset(resource, subresource),
      time: formatTime(this.#clock.now()),
    }
  }

  #form(resource: ResourceDefinition, apiVersion: string): VersionForm | undefined {
    const definition = apiVersion === apiVersionOf(resource) ? resource : this.#catalog.findKind(apiVersion, resource.kind)
    if (definition === undefined) return undefined
    const { custom, storage } = definition
    // Objects of a custom kind come in the version of the request, others as they are stored.
    if (custom !== undefined)
      return { schema: definition.schema(), of: definition === resource ? itself : (object) => custom.adopt(object) }
    return { schema: definition.schema(), of: (stored) => storage?.fromStored(stored) ?? stored }
  }

  #reset(resource: ResourceDefinition, subresource: string): FieldSet {
    let known = this.#resetFields.get(resource)
    if (known === undefined) this.#resetFields.set(resource, (known = new Map()))
    let fields = known.get(subresource)
    if (fields === undefined) known.set(subresource, (fields = resetFieldsOf(resource, subresource)))
    return fields
  }
}

const itself = (object: KubernetesObject): KubernetesObject => object

const OF_EVERY_SUBRESOURCE = new Set(['apiVersion', 'kind', 'metadata'])

/** A write to the object does not reach its status, one to its status nothing else. */
function resetFieldsOf(resource: ResourceDefinition, subresource: string): FieldSet {
  if (subresource === '') return resource.subresources.status ? { 'f:status': {} } : {}
  if (subresource !== 'status') return {}
  // Of a custom kind no more is named, although nothing else is written.
  if (resource.custom !== undefined) return { 'f:metadata': {}, 'f:spec': {} }
  const others = Object.keys(resource.schema().properties ?? {}).filter(
    (name) => name !== 'status' && !OF_EVERY_SUBRESOURCE.has(name),
  )
  return Object.fromEntries(others.map((name) => [`f:${name}`, {}]))
}

const NOBODY_KNOWN = 'unknown'

/** Who writes: the `fieldManager` of the request, else the program that its user agent names. */
function managerOf({ query, headers }: RequestContext): string {
  return query.get('fieldManager') || programOf(headers['user-agent'] ?? '') || NOBODY_KNOWN
}

/** What is printable of the name before the slash, as far as it fits. */
function programOf(userAgent: string): string {
  let name = ''
  let bytes = 0
  for (const character of userAgent.split('/', 1)[0]!) {
    bytes += Buffer.byteLength(character)
    if (bytes > MANAGER_BYTES_MAX) break
    if (isPrintable(character)) name += character
    else bytes -= Buffer.byteLength(character)
  }
  return name
}

const DRY_RUN_VALUES = ['All']
const FIELD_VALIDATION_VALUES = ['', 'Ignore', 'Strict', 'Warn']

/** Refuses options of a write that mean nothing. Upstream's order and wording. */
export function checkWriteOptions({ query, method }: RequestContext, kind: string, isApply: boolean): void {
  const manager = query.get('fieldManager') ?? ''
  const fieldValidation = query.get('fieldValidation') ?? ''
  const errors: FieldError[] = []
  if (method === 'PATCH' && !isApply && query.has('force'))
    errors.push(forbid('force', 'may not be specified for non-apply patch'))
  if (isApply && manager === '') errors.push(required('fieldManager', 'is required for apply patch'))
  validateFieldManager(manager, 'fieldManager', errors)
  errors.push(...dryRunErrors(dryRunOf(query)))
  if (!FIELD_VALIDATION_VALUES.includes(fieldValidation))
    errors.push(unsupported('fieldValidation', fieldValidation, FIELD_VALIDATION_VALUES))
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind }, '', errors)
}

export const dryRunOf = (query: URLSearchParams): string[] => query.getAll('dryRun')

export function* dryRunErrors(values: readonly string[]): Iterable<FieldError> {
  if (values.some((value) => !DRY_RUN_VALUES.includes(value))) yield unsupported('dryRun', values, DRY_RUN_VALUES)
}
