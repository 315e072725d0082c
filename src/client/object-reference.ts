import type { ObjectReference, ResourceDefinition } from '#api'
import { apiVersionOf, type KubernetesObject, type OwnerReference } from '#meta'

type Kinded = Pick<ResourceDefinition, 'group' | 'version' | 'kind'>

/** The reference that marks what a controller made: it alone manages the object, and the owner's deletion waits for it. */
export function controllerReference(resource: Kinded, owner: KubernetesObject): OwnerReference {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name: owner.metadata?.name ?? '',
    uid: owner.metadata?.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  }
}

/** The owner that manages the object, if one does. */
export const controllerOf = (object: KubernetesObject): OwnerReference | undefined =>
  object.metadata?.ownerReferences?.find(({ controller }) => controller === true)

export const isControlledBy = (object: KubernetesObject, owner: KubernetesObject): boolean =>
  controllerOf(object)?.uid === owner.metadata?.uid

export function objectReference(object: KubernetesObject): ObjectReference {
  const { name, namespace, uid, resourceVersion } = object.metadata ?? {}
  return {
    ...(object.kind && { kind: object.kind }),
    ...(object.apiVersion && { apiVersion: object.apiVersion }),
    ...(namespace && { namespace }),
    ...(name && { name }),
    ...(uid && { uid }),
    ...(resourceVersion && { resourceVersion }),
  }
}
