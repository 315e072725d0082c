import type { ResourceDefinition } from '#api'
import type { Client, Informer } from '#client'
import {
  apiVersionOf,
  isConflict,
  isNotFound,
  type KubernetesObject,
  type LabelSelector,
  type ObjectKey,
  type OwnerReference,
  objectKey,
  selects,
} from '#meta'

export const controllerOf = ({ metadata }: KubernetesObject): OwnerReference | undefined =>
  metadata?.ownerReferences?.find(({ controller }) => controller === true)

export const controllerReference = (owner: KubernetesObject, resource: ResourceDefinition<never>): OwnerReference => ({
  apiVersion: apiVersionOf(resource),
  kind: resource.kind,
  name: owner.metadata?.name ?? '',
  uid: owner.metadata?.uid ?? '',
  controller: true,
  blockOwnerDeletion: true,
})

/** The key of an object's controller, when it is of this kind. */
export function* ownerKeys(object: KubernetesObject, resource: ResourceDefinition<never>): Iterable<ObjectKey> {
  const owner = controllerOf(object)
  if (owner?.kind === resource.kind && owner.apiVersion === apiVersionOf(resource))
    yield objectKey(object.metadata?.namespace, owner.name)
}

/** Keys of owners whose selector would take an object that nobody controls. */
export function* selectingKeys<T extends KubernetesObject>(
  object: KubernetesObject,
  owners: Informer<T>,
  selectorOf: (owner: T) => LabelSelector | undefined = ownSelector,
): Iterable<ObjectKey> {
  if (controllerOf(object) !== undefined) return
  for (const owner of owners.list({ namespace: object.metadata?.namespace })) {
    if (selects(selectorOf(owner), object.metadata?.labels))
      yield objectKey(owner.metadata?.namespace, owner.metadata?.name ?? '')
  }
}

const ownSelector = (owner: KubernetesObject): LabelSelector | undefined =>
  (owner as { readonly spec?: { readonly selector?: LabelSelector } }).spec?.selector

export interface ClaimInput<T extends KubernetesObject> {
  readonly owner: KubernetesObject
  /** The owner's `spec.selector` unless it has another form. */
  readonly selector?: LabelSelector | undefined
  readonly ownerResource: ResourceDefinition<never>
  readonly resource: ResourceDefinition<T>
  readonly candidates: readonly T[]
  readonly client: Client
  /** Put on what is adopted, and taken off what is released. */
  readonly finalizer?: string | undefined
}

/**
 * The objects that belong to an owner: those it controls and selects, and orphans that it selects, which it adopts after a live look that it still exists and is not
 * being deleted. Those it controls but no longer selects are released.
 */
export async function claim<T extends KubernetesObject>({
  owner,
  ownerResource,
  resource,
  candidates,
  client,
  finalizer,
  selector = ownSelector(owner),
}: ClaimInput<T>): Promise<T[]> {
  const claimed: T[] = []
  let mayAdopt: boolean | undefined
  const uid = owner.metadata?.uid
  for (const object of candidates) {
    const controller = controllerOf(object)
    const fits = selects(selector, object.metadata?.labels)
    if (controller !== undefined && controller.uid !== uid) continue
    if (controller !== undefined) {
      if (fits) claimed.push(object)
      else if (owner.metadata?.deletionTimestamp === undefined)
        await release({ object, ownerUid: uid ?? '', resource, client, finalizer })
      continue
    }
    if (!fits || owner.metadata?.deletionTimestamp !== undefined || object.metadata?.deletionTimestamp !== undefined) continue
    mayAdopt ??= await isAlive(owner, ownerResource, client)
    if (mayAdopt) claimed.push(await adopt({ object, owner, ownerResource, resource, client, finalizer }))
  }
  return claimed
}

async function isAlive(owner: KubernetesObject, resource: ResourceDefinition<never>, client: Client): Promise<boolean> {
  const live = await client.find(
    resource as unknown as ResourceDefinition,
    objectKey(owner.metadata?.namespace, owner.metadata?.name ?? ''),
  )
  return live?.metadata?.uid === owner.metadata?.uid && live?.metadata?.deletionTimestamp === undefined
}

interface AdoptInput<T extends KubernetesObject> extends Omit<ClaimInput<T>, 'candidates' | 'selector'> {
  readonly object: T
}

function adopt<T extends KubernetesObject>(input: AdoptInput<T>): Promise<T> {
  const { object, owner, ownerResource, resource, client, finalizer } = input
  const { namespace, name = '', uid, finalizers = [] } = object.metadata ?? {}
  const ownerReferences = [...(object.metadata?.ownerReferences ?? []), controllerReference(owner, ownerResource)]
  const held = finalizer === undefined || finalizers.includes(finalizer) ? {} : { finalizers: [...finalizers, finalizer] }
  return client.patch(resource, objectKey(namespace, name), { metadata: { uid, ownerReferences, ...held } }, { type: 'merge' })
}

interface ReleaseInput<T extends KubernetesObject> {
  readonly object: T
  readonly ownerUid: string
  readonly resource: ResourceDefinition<T>
  readonly client: Client
  readonly finalizer: string | undefined
}

async function release<T extends KubernetesObject>(input: ReleaseInput<T>): Promise<void> {
  const { object, ownerUid, resource, client, finalizer } = input
  const { namespace, name = '', uid } = object.metadata ?? {}
  const metadata = {
    uid,
    ownerReferences: [{ $patch: 'delete', uid: ownerUid }],
    ...(finalizer !== undefined && { '$deleteFromPrimitiveList/finalizers': [finalizer] }),
  }
  try {
    await client.patch(resource, objectKey(namespace, name), { metadata }, { type: 'strategic' })
  } catch (error) {
    // Gone, or another of the same name: nothing to release.
    if (!isNotFound(error) && !isConflict(error)) throw error
  }
}
