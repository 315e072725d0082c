import {
  type AllocatedDeviceStatus,
  type DeviceRequest,
  type Findings,
  forbid,
  type Namespace,
  namespaces,
  type ResourceClaimStatus,
  type ResourceClaimTemplate,
  type ResourceResourceClaim,
  resourceClaims,
  resourceClaimTemplates,
} from '#api'
import { deepEqual } from '#base'
import type { UserInfo } from '#client'
import { type FieldError, invalid } from '#meta'
import { requireAuthorization } from '../authorization/index.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes } from './types.ts'

const ADMIN_LABEL = 'resource.kubernetes.io/admin-access'

/**
 * Who may get at devices that others have, and who may say what of devices: administrators, by the label of their namespace (KEP-5018); who allocates them, and each driver
 * of its own alone, on its own node unless it is for all of them (KEP-4817). This is validation of claims, done here because it depends on others than the claim.
 */
export const deviceAccess: AdmissionPlugin = {
  name: 'DeviceAccess',
  operations: ['CREATE', 'UPDATE'],
  validate(attributes, context) {
    const { resource } = attributes
    const isConcerned = resource === (resourceClaims as unknown) || resource === (resourceClaimTemplates as unknown)
    return isConcerned ? judgeAccess(attributes, context) : undefined
  },
}

async function judgeAccess(attributes: Attributes, context: AdmissionContext): Promise<void> {
  const { resource, subresource, operation, object, oldObject, name } = attributes
  const found: FieldError[] = []
  if (operation === 'CREATE' && subresource === '') {
    const requests = requestsOf(resource, object)
    await requireAdmin(requests, ({ exactly }) => exactly, 'spec.devices.requests', attributes, context, found)
  } else if (resource === (resourceClaims as unknown) && subresource === 'status') {
    const [status, old] = [object, oldObject].map((each) => (each as ResourceResourceClaim).status ?? {}) as [
      ResourceClaimStatus,
      ResourceClaimStatus,
    ]
    await judge(status, old, attributes, context, found)
  }
  if (found.length > 0) throw invalid(resource, name, found)
}

function requestsOf(resource: unknown, object: unknown): readonly DeviceRequest[] | undefined {
  if (resource === resourceClaims) return (object as ResourceResourceClaim).spec?.devices?.requests
  return resource === resourceClaimTemplates ? (object as ResourceClaimTemplate).spec?.spec?.devices?.requests : undefined
}

async function judge(
  status: ResourceClaimStatus,
  old: ResourceClaimStatus,
  attributes: Attributes,
  context: AdmissionContext,
  found: Findings,
): Promise<void> {
  await requireBinding(status, old, attributes, context, found)
  await requireDrivers(status, old, attributes, context, found)
  const [results, before] = [status, old].map(({ allocation }) => allocation?.devices?.results ?? [])
  // What was allocated stays.
  if (before!.some(({ adminAccess }) => adminAccess)) return
  await requireAdmin(results, (result) => result, 'status.allocation.devices.results', attributes, context, found)
}

/** Told at the first that asks for it. */
async function requireAdmin<T>(
  list: readonly T[] | undefined,
  accessOf: (item: T) => { readonly adminAccess?: boolean } | undefined,
  field: string,
  { namespace }: Attributes,
  { cache }: AdmissionContext,
  found: Findings,
): Promise<void> {
  const index = list?.findIndex((item) => accessOf(item)?.adminAccess) ?? -1
  if (index === -1) return
  await cache.current()
  const { metadata } = (cache.of(namespaces).get(namespace)?.object as Namespace | undefined) ?? {}
  if (metadata?.labels?.[ADMIN_LABEL] === 'true') return
  const rule = `admin access to devices requires the \`${ADMIN_LABEL}: true\` label on the containing namespace`
  found.push(forbid(`${field}[${index}].adminAccess`, rule))
}

const verbOf = ({ options }: Attributes): string => (options['kind'] === 'PatchOptions' ? 'patch' : 'update')

/** undefined: it is allowed. */
async function refusalOf(
  verb: string,
  subresource: 'binding' | 'driver',
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { user }: Attributes,
  { authorizers }: AdmissionContext,
): Promise<string | undefined> {
  const { group, version, names } = resourceClaims
  const asked = { isResource: true, group, version, resource: names.plural, subresource, namespace, name } as const
  try {
    await requireAuthorization(authorizers, { user, verb, ...asked }, resourceClaims)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

async function requireBinding(
  status: ResourceClaimStatus,
  old: ResourceClaimStatus,
  attributes: Attributes,
  context: AdmissionContext,
  found: Findings,
): Promise<void> {
  if (deepEqual(status.allocation, old.allocation) && deepEqual(status.reservedFor ?? [], old.reservedFor ?? [])) return
  const verb = verbOf(attributes)
  const why = await refusalOf(verb, 'binding', { namespace: '', name: '' }, attributes, context)
  if (why === undefined) return
  const needed = `resource="resourceclaims/binding", verb="${verb}" permission: ${why}`
  found.push(forbid('status', `changing status.allocation or status.reservedFor requires ${needed}`))
}

async function requireDrivers(
  status: ResourceClaimStatus,
  old: ResourceClaimStatus,
  attributes: Attributes,
  context: AdmissionContext,
  found: Findings,
): Promise<void> {
  const drivers = changedDrivers(status.devices ?? [], old.devices ?? [])
  if (drivers.length === 0) return
  const prefixes = isOnNode(attributes.user, nodeOf(status)) ? ['associated-node', 'arbitrary-node'] : ['arbitrary-node']
  const verbs = prefixes.map((prefix) => `${prefix}:${verbOf(attributes)}`)
  const { namespace } = attributes
  for (const name of drivers) {
    const refusals: string[] = []
    for (const verb of verbs) {
      const why = await refusalOf(verb, 'driver', { namespace, name }, attributes, context)
      if (why === undefined) break
      refusals.push(why)
    }
    if (refusals.length < verbs.length) continue
    const needed = `resource="resourceclaims/driver", verb="[${verbs.join(' ')}]" permission: ${refusals[0]}`
    found.push(forbid('status.devices', `changing status.devices requires ${needed}`))
  }
}

function changedDrivers(now: readonly AllocatedDeviceStatus[], was: readonly AllocatedDeviceStatus[]): string[] {
  const keyOf = ({ driver, pool, device, shareID }: AllocatedDeviceStatus): string =>
    JSON.stringify([driver, pool, device, shareID])
  const before = new Map(was.map((device) => [keyOf(device), device]))
  const changed = new Set<string>()
  for (const device of now) {
    const key = keyOf(device)
    if (!deepEqual(before.get(key), device)) changed.add(device.driver)
    before.delete(key)
  }
  for (const { driver } of before.values()) changed.add(driver)
  return [...changed].sort()
}

/** The one node where what is allocated is. */
function nodeOf({ allocation }: ResourceClaimStatus): string | undefined {
  const terms = allocation?.nodeSelector?.nodeSelectorTerms
  if (terms?.length !== 1) return undefined
  const { matchExpressions = [], matchFields = [] } = terms[0]!
  const [field] = matchFields
  if (matchExpressions.length > 0 || matchFields.length !== 1 || field?.key !== 'metadata.name' || field.operator !== 'In')
    return undefined
  return field.values?.length === 1 ? field.values[0] : undefined
}

/** Whether it is an account whose token is bound to that node. */
function isOnNode({ username, extra }: UserInfo, node: string | undefined): boolean {
  const [name, ...more] = extra?.['authentication.kubernetes.io/node-name'] ?? []
  return node !== undefined && /^system:serviceaccount:[^:]+:[^:]+$/.test(username) && more.length === 0 && name === node
}
