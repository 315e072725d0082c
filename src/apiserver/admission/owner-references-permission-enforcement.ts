import { deepEqual } from '#base'
import { forbidden, type KubernetesObject, type OwnerReference, parseApiVersion } from '#meta'
import { authorizeBy, type Decision } from '../authorization/index.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes } from './types.ts'

/** Who sets owners must be able to do what owners bring about: the object's deletion, and the wait of the owner's. */
export const ownerReferencesPermissionEnforcement: AdmissionPlugin = {
  name: 'OwnerReferencesPermissionEnforcement',
  off: true,
  operations: ['CREATE', 'UPDATE'],
  async validate(attributes, context) {
    const { resource, subresource, name, object, oldObject, operation } = attributes
    if (object === undefined || (subresource === 'status' && resource.names.plural === 'pods')) return
    if (deepEqual(ownersOf(object), ownersOf(oldObject))) return
    if (operation !== 'CREATE') {
      const { group, version, names } = resource
      const own = { group, version, resource: names.plural, subresource, namespace: attributes.namespace, name }
      const { decision, reason } = await ask(attributes, context, 'delete', own)
      if (decision !== 'allow')
        throw forbidden(resource, name, `cannot set an ownerRef on a resource you can't delete: ${reason}, <nil>`)
    }
    for (const owner of newlyBlocking(object, oldObject)) await mayBlock(owner, attributes, context)
  },
}

async function mayBlock(owner: OwnerReference, attributes: Attributes, context: AdmissionContext): Promise<void> {
  const { resource, name } = attributes
  const definition = context.catalog.findKind(owner.apiVersion, owner.kind)
  if (definition === undefined) {
    const { group, version } = parseApiVersion(owner.apiVersion)
    const kind = `${group}/${version}, Kind=${owner.kind}`
    throw forbidden(
      resource,
      name,
      `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${owner.apiVersion} Kind ${owner.kind}: no matches for kind ${JSON.stringify(kind)}`,
    )
  }
  const { decision, reason } = await ask(attributes, context, 'update', {
    group: definition.group,
    version: definition.version,
    resource: definition.names.plural,
    subresource: 'finalizers',
    namespace: definition.scope === 'Namespaced' ? attributes.namespace : '',
    name: owner.name,
  })
  if (decision === 'allow') return
  const why = "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on"
  throw forbidden(resource, name, `${why}: ${reason}, <nil>`)
}

interface Target {
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
}

async function ask({ user }: Attributes, { authorizers }: AdmissionContext, verb: string, target: Target): Promise<Decision> {
  return authorizeBy(authorizers, { user, verb, isResource: true, ...target })
}

const ownersOf = (object: KubernetesObject | undefined): readonly OwnerReference[] => object?.metadata?.ownerReferences ?? []

/** References that block now and did not before. */
function newlyBlocking(object: KubernetesObject, old: KubernetesObject | undefined): OwnerReference[] {
  const before = new Map(ownersOf(old).map((owner) => [owner.uid, owner]))
  return ownersOf(object).filter(({ uid, blockOwnerDeletion }) => blockOwnerDeletion && !before.get(uid)?.blockOwnerDeletion)
}
