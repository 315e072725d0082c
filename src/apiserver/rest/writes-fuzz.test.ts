import assert from 'node:assert/strict'
import test from 'node:test'
import { allResources, type ResourceDefinition } from '#api'
import { type Random, seededRandom } from '#base'
import { collectionPath } from '#client'
import { randomObject, startTestApiServer, TEST_ADMIN, type TestApiServer } from '#testing'

const SEEDS_PER_KIND = Number(process.env['T8S_SEEDS'] ?? 6)
/** What a server may say of an object that makes no sense: it is not allowed, in the way, or wrong (and 301 of a proxy). */
const REFUSALS = new Set([301, 400, 403, 404, 405, 409, 422])

/** Upstream too calls it its own fault when a list that merges by key names one twice, or has an element without. */
const UNTYPED = /^failed to create (typed patch object \(|manager for existing fields: failed to convert )/

const APPLY = 'application/apply-patch+yaml'
const MERGE = 'application/merge-patch+json'

const one = <T>(options: readonly T[], random: Random): T => options[Math.floor(random.float() * options.length)]!

/** The same with one value of another type, or none, somewhere. */
function spoiled(value: unknown, random: Random, depth = 0): unknown {
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : []
  if (keys.length === 0 || (depth > 1 && random.float() < 0.25))
    return one([null, -1, 1e300, '', 'x', true, [], [null], {}, { a: null }], random)
  const key = one(keys, random)
  const copy = Array.isArray(value) ? [...value] : { ...(value as object) }
  Reflect.set(copy, key, spoiled(Reflect.get(copy, key), random, depth + 1))
  return copy
}

interface Refusal {
  readonly message?: string
  readonly details?: {
    readonly causes?: readonly { readonly reason: string; readonly message: string; readonly field?: string }[]
  }
}

function assertRefusal(code: number, refusal: unknown): void {
  if (code === 500 && UNTYPED.test((refusal as Refusal).message ?? '')) return
  assert.ok(REFUSALS.has(code), `${code}: ${JSON.stringify(refusal)?.slice(0, 500)}`)
  for (const { reason, message, field } of code === 422 ? ((refusal as Refusal).details?.causes ?? []) : [])
    assert.ok(reason !== '' && message !== '' && field, message)
}

async function play(api: TestApiServer, resource: ResourceDefinition, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const path = collectionPath(resource, resource.scope === 'Namespaced' ? 'default' : undefined)
  const send = async (method: 'POST' | 'PUT' | 'PATCH', at: string, sent: unknown, type = 'application/json'): Promise<void> => {
    const { status, body } = await api.server.handle(
      {
        method,
        path: at,
        query: new URLSearchParams(type === APPLY ? { fieldManager: 'm', force: 'true' } : {}),
        headers: { 'content-type': type },
        body: { kind: 'bytes', bytes: Buffer.from(JSON.stringify(sent)) },
      },
      { kind: 'in-process', user: TEST_ADMIN },
    )
    if (status >= 300) assertRefusal(status, body.kind === 'object' ? body.object : undefined)
  }
  const object = randomObject(resource, random)
  await send('POST', path, object)
  await send('POST', path, spoiled(object, random))
  await send('PUT', `${path}/x`, randomObject(resource, random))
  await send('PATCH', `${path}/x`, spoiled(randomObject(resource, random), random), MERGE)
  await send('PATCH', `${path}/x`, randomObject(resource, random), APPLY)
  for (const part of [...(resource.subresources.status ? ['status'] : []), ...Object.keys(resource.subresources.others)])
    await send('PUT', `${path}/x/${part}`, randomObject(resource, random))
}

test('whatever is written of whatever kind, the answer is the object or a refusal that says where', async () => {
  await using api = await startTestApiServer()
  for (const resource of allResources) {
    for (let seed = 0; seed < SEEDS_PER_KIND; seed++) {
      try {
        await play(api, resource, seed)
      } catch (error) {
        throw new Error(`${resource.kind}, seed ${seed}`, { cause: error })
      }
    }
  }
})
