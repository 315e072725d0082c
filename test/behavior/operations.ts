import assert from 'node:assert/strict'
import type { ResourceDefinition } from '#api'
import { apiVersionOf, isConflict, type KubernetesObject, keyOf } from '#meta'
import type { Scene } from './behavior.ts'
import { read } from './raw.ts'
import { observe, refusal, until } from './waiting.ts'

const LABEL = 'behavior'
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

export interface OperationsOptions<T extends KubernetesObject> {
  /** An object to create; each call gives another one (its name may be left to the server). */
  make(index: number): T
  /** Makes a change that the kind allows, in place; by default an annotation alone changes. */
  change?(draft: T): void
  /** A status to write, and what must then be read back. */
  status?: object
  /** What the status subresource is expected to hold after a merge patch with it. */
  statusPatch?: object
}

/** The operations that every kind supports: found in discovery, then create, get, list, watch, patch, update, delete, one and all. */
export async function supportsOperations<T extends KubernetesObject>(
  scene: Scene,
  resource: ResourceDefinition<T>,
  options: OperationsOptions<T>,
): Promise<void> {
  const { client } = scene
  const namespace = resource.scope === 'Namespaced' ? scene.namespace : undefined
  const selection = { namespace, labelSelector: `${LABEL}=${scene.namespace}` }
  await isDiscovered(scene, resource, VERBS)
  const make = (index: number): T => {
    const object = structuredClone(options.make(index))
    const labels = { ...object.metadata?.labels, [LABEL]: scene.namespace }
    return { ...object, metadata: { ...object.metadata, ...(namespace && { namespace }), labels } }
  }
  try {
    const created = await client.create(resource, make(1))
    assert.ok(created.metadata?.uid && created.metadata.resourceVersion && created.metadata.creationTimestamp)
    await refusal(
      client.create(resource, { ...make(1), metadata: { ...make(1).metadata, name: created.metadata.name! } }),
      'AlreadyExists',
    )
    for (const index of [2, 3]) await client.create(resource, make(index))
    const key = keyOf(created)
    assert.equal((await client.get(resource, key)).metadata?.uid, created.metadata.uid)
    const listed = await client.list(resource, selection)
    assert.equal(listed.items.length, 3)
    assert.equal((await client.list(resource, { labelSelector: selection.labelSelector })).items.length, 3)

    await using events = observe(client, resource, { ...selection, resourceVersion: listed.metadata.resourceVersion! })
    const patch = { metadata: { annotations: { patched: 'true' } } }
    const patched = await client.patch(resource, key, patch, { type: 'merge' })
    assert.equal(patched.metadata?.annotations?.['patched'], 'true')
    assert.notEqual(patched.metadata?.resourceVersion, created.metadata.resourceVersion)
    const draft = structuredClone(patched)
    draft.metadata!.annotations!['updated'] = 'true'
    options.change?.(draft)
    const updated = await client.update(resource, draft)
    assert.equal(updated.metadata?.annotations?.['updated'], 'true')
    await events.next(({ type, object }) => type === 'MODIFIED' && object.metadata?.annotations?.['patched'] === 'true')
    await events.next(({ type, object }) => type === 'MODIFIED' && object.metadata?.annotations?.['updated'] === 'true')
    if (options.status !== undefined) await statusIsApart(scene, resource, key, options.status)

    await client.delete(resource, key)
    await events.next(({ type, object }) => type === 'DELETED' && object.metadata?.uid === created.metadata!.uid)
    await refusal(client.get(resource, key), 'NotFound')
    assert.equal((await client.list(resource, selection)).items.length, 2)
    await client.deleteCollection(resource, selection)
    for (const { metadata } of listed.items)
      await until(client, resource, keyOf({ metadata: metadata! }), (object) => object === undefined)
    assert.equal((await client.list(resource, selection)).items.length, 0)
  } finally {
    await client.deleteCollection(resource, selection)
  }
}

/** A kind's status is read, patched and written by its own subresource, which leaves everything else alone. */
export async function statusIsApart<T extends KubernetesObject>(
  { client }: Scene,
  resource: ResourceDefinition<T>,
  key: string,
  status: object,
): Promise<void> {
  const before = await client.get(resource, key)
  const body = { metadata: { annotations: { 'patched-status': 'true' } }, status }
  const patched = await client.patch(resource, key, body, { type: 'merge', subresource: 'status' })
  assert.equal(patched.metadata?.annotations?.['patched-status'], 'true')
  assertHolds(statusOf(patched), status)
  const updated = await retried(async () => {
    const current = structuredClone(await client.get(resource, key))
    current.metadata!.annotations = { ...current.metadata?.annotations, 'updated-status': 'true' }
    // What else is sent is not looked at, nor is what is left out.
    delete (current as { spec?: unknown }).spec
    return client.updateStatus(resource, { ...current, status: { ...(statusOf(current) as object), ...status } })
  })
  assert.equal(updated.metadata?.annotations?.['updated-status'], 'true')
  assertHolds(statusOf(updated), status)
  assert.equal(updated.metadata?.generation, before.metadata?.generation)
  assert.deepEqual(specOf(updated), specOf(before))
  assertHolds(statusOf(await client.get(resource, key)), status)
}

/** For what controllers write too: `write` reads anew before each attempt. */
export async function retried<T>(write: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await write()
    } catch (error) {
      if (!isConflict(error)) throw error
    }
  }
}

/** The group, its version and the resource are all in their discovery documents. */
export async function isDiscovered({ target }: Scene, resource: ResourceDefinition, verbs: readonly string[]): Promise<void> {
  const groupVersion = apiVersionOf(resource)
  if (resource.group !== '') {
    const { groups } = await read<{ groups: { name: string; versions: { groupVersion: string }[] }[] }>(target, '/apis')
    const group = groups.find(({ name }) => name === resource.group)
    assert.ok(
      group?.versions.some((version) => version.groupVersion === groupVersion),
      `/apis lacks ${groupVersion}`,
    )
    const own = await read<{ versions: { version: string }[] }>(target, `/apis/${resource.group}`)
    assert.ok(own.versions.some(({ version }) => version === resource.version))
  }
  const path = resource.group === '' ? `/api/${groupVersion}` : `/apis/${groupVersion}`
  const { resources } = await read<{ resources: { name: string; verbs: string[] }[] }>(target, path)
  const entry = resources.find(({ name }) => name === resource.names.plural)
  for (const verb of verbs) assert.ok(entry?.verbs.includes(verb), `${resource.names.plural} lack the verb ${verb}`)
  if (resource.subresources.status) {
    assert.ok(resources.some(({ name }) => name === `${resource.names.plural}/status`))
  }
}

/** `actual` has everything that `expected` names; a server may fill in more. */
export function assertHolds(actual: unknown, expected: object): void {
  assert.partialDeepStrictEqual(actual, expected)
}

const specOf = (object: KubernetesObject): unknown => (object as { spec?: unknown }).spec
const statusOf = (object: KubernetesObject): unknown => (object as { status?: unknown }).status
