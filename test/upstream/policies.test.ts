import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { allResources, type ResourceDefinition } from '#api'
import type { KubernetesObject } from '#meta'
import { judgePolicies, type PolicyAnswer, type PolicyCase } from '../../src/apiserver/admission/policy/trial.ts'
import { setZeroFields } from '../../src/apiserver/registry/system-fields.ts'
import { Peer } from './peer.ts'
import { mutations } from './policies/mutations.ts'
import { randomCase } from './policies/random.ts'
import { validations } from './policies/validations.ts'

/*
 * One request and the policies that are bound: decision, message, reason, code, annotations, warnings, metrics and the patched object. What is kept:
 * - Upstream crashes on a JSON patch whose value is a list of objects.
 * - A JSON patch that makes an object of another kind is refused on both sides; upstream's sentence tells of its internal types, or of the other kind's fields.
 * - A value that JSON does not know (a quantity, a type) is refused in a JSON patch; the sentence ends in Go's words there.
 * - The order of several policies, bindings and parameters is chance there, so cases of several are such that it does not matter.
 */
const RUNS = Number(process.env.T8S_RUNS ?? 1_500)

for (const [name, cases] of Object.entries({ ...validations, ...mutations })) {
  test(`${name}: as by upstream`, async () => {
    await using peer = new Peer('policies')
    for (const each of cases) await compare(peer, each)
  })
}

test('policies put together at random: as by upstream', async () => {
  await using peer = new Peer('policies')
  await fc.assert(
    fc.asyncProperty(randomCase, (each) => compare(peer, each)),
    { numRuns: RUNS },
  )
})

async function compare(peer: Peer, asked: PolicyCase): Promise<void> {
  const theirs = await peer.ask<PolicyAnswer>(asked)
  const ours = await judgePolicies(asked)
  if (isKept(ours, theirs)) return
  assert.deepEqual(comparable(ours, asked), comparable(theirs, asked), JSON.stringify(asked.validating ?? asked.mutating))
}

const OTHER_KIND = /Internal error occurred: (failed to convert object: converting|no kind "\w+" is registered)/
const NO_JSON = /(could not marshal to JSON: )[^"]*/g

const isKept = ({ status }: PolicyAnswer, { error = '' }: PolicyAnswer): boolean =>
  error.startsWith('panic: ') || OTHER_KIND.test(status?.message ?? '')

/** A typed object has what its type always has, and defaults come with the next step here. */
function comparable(answer: PolicyAnswer, { request }: PolicyCase): unknown {
  const { object, status, ...rest } = JSON.parse(JSON.stringify(answer).replaceAll(NO_JSON, '$1')) as PolicyAnswer
  const { kind: _, apiVersion: __, ...told } = status ?? ({} as never)
  const definition = allResources.find(({ kind, group }) => kind === request.kind.kind && group === request.kind.group)
  if (object !== undefined && definition !== undefined) complete(object, definition as unknown as ResourceDefinition)
  return { ...rest, status: told, object: object && withoutNulls(object) }
}

function complete(object: KubernetesObject, definition: ResourceDefinition): void {
  definition.default(object)
  setZeroFields(object, definition)
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([, each]) => each !== null)
  return Object.fromEntries(kept.map(([name, each]) => [name, withoutNulls(each)]))
}
