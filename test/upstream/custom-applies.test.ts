/**
 * Who manages which field of custom objects: random structural schemas, and of each an object that several managers apply to and update in turn, with answers, conflicts and
 * managedFields held against upstream's field manager with the types that its server makes of the definition.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type CustomResourceDefinition, customKinds, customResourceDefinitions } from '#api'
import { applyConfiguration, type KubernetesObject, managedByUpdate, type Schema, StatusError } from '#meta'
import { crdOf } from '#testing'
import { typeErrors } from '../../src/meta/managed-fields/typed.ts'
import { rootSchemas } from './custom-schemas.ts'
import { Peer } from './peer.ts'

type Json = Record<string, unknown>

interface Answer {
  readonly error?: string
  readonly status?: {
    readonly code?: number
    readonly message?: string
    readonly details?: { readonly causes?: readonly object[] }
  }
  readonly object?: KubernetesObject
}

const RUNS = Number(process.env.T8S_UPSTREAM_RUNS ?? 1_000)
const STEPS = 8
/** What the peer says for the time of the write. */
const NOW = '2999-01-01T00:00:00Z'
const KIND = { apiVersion: 'example.com/v1', kind: 'Widget' }

/** A value that a schema allows, now and then another one. */
function valueFor(schema: Json, depth = 5): fc.Arbitrary<unknown> {
  const odd = fc.constantFrom<unknown>('x', 1, true, ['x'], [], {}, { a: 1 }, 1.5)
  const right = rightValueFor(schema, depth)
  return fc.oneof({ weight: 40, arbitrary: right }, { weight: 1, arbitrary: odd })
}

function rightValueFor(schema: Json, depth: number): fc.Arbitrary<unknown> {
  const { type, items, properties, additionalProperties } = schema as {
    type?: string
    items?: Json
    properties?: Record<string, Json>
    additionalProperties?: Json | true
  }
  if (schema['x-kubernetes-int-or-string']) return fc.constantFrom<unknown>(1, 2, 'a', 'b')
  switch (type) {
    case 'string':
      return fc.constantFrom('a', 'b', 'c', 'TCP')
    case 'integer':
      return fc.constantFrom(0, 1, 2, 80)
    case 'number':
      return fc.constantFrom<number>(0, 1.5, 2)
    case 'boolean':
      return fc.boolean()
    case 'array':
      return depth === 0 ? fc.constant([]) : fc.array(valueFor(items!, depth - 1), { maxLength: 3 })
    case 'object': {
      if (depth === 0) return fc.constant({})
      const known = Object.entries(properties ?? {}).map(([name, each]) => [
        name,
        fc.option(valueFor(each, depth - 1), { nil: undefined }),
      ])
      const own = fc.record(Object.fromEntries(known) as Record<string, fc.Arbitrary<unknown>>)
      const more =
        typeof additionalProperties === 'object'
          ? valueFor(additionalProperties, depth - 1)
          : fc.constantFrom<unknown>('a', 1, { b: 1 })
      const isOpen = additionalProperties !== undefined || schema['x-kubernetes-preserve-unknown-fields'] === true
      const free = isOpen ? fc.dictionary(fc.constantFrom('q', 'r', 's'), more, { maxKeys: 2 }) : fc.constant({})
      return fc.tuple(own, free).map((parts) => Object.assign({}, ...parts) as object)
    }
    default:
      return fc.constantFrom<unknown>('a', 1, { b: 'c' }, { b: 'd', e: [1] }, ['f'])
  }
}

interface Step {
  readonly fields: Json
  readonly labels: Readonly<Record<string, string>>
  readonly manager: string
  readonly apply: boolean
  readonly force: boolean
  readonly again: boolean
}

const stepsOf = (schema: Json): fc.Arbitrary<Step[]> => {
  const { spec, status } = schema['properties'] as Record<'spec' | 'status', Json>
  const fields = fc.record({
    spec: fc.option(valueFor(spec), { nil: undefined }),
    status: fc.option(valueFor(status), { nil: undefined }),
  })
  return fc.array(
    fc.record({
      fields,
      labels: fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('1', '2'), { maxKeys: 2 }),
      manager: fc.constantFrom('one', 'two', 'kubectl'),
      apply: fc.boolean(),
      force: fc.boolean(),
      again: fc.boolean(),
    }),
    { minLength: 1, maxLength: STEPS },
  )
}

const cases = rootSchemas.chain((schema) => stepsOf(schema).map((steps) => ({ schema, steps })))

/** Managers come in the order of chance. */
const refusal = ({ code, message, details }: NonNullable<Answer['status']>): object => ({
  code,
  message,
  causes: details?.causes?.map((cause) => JSON.stringify(cause, ['reason', 'message', 'field'])).sort(),
})
/** Errors of fields come in the order of chance. */
const inLines = (message: string): string[] => message.split('\n').sort()
const asSent = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

interface Write {
  readonly live: KubernetesObject | undefined
  readonly sent: KubernetesObject
  readonly manager: string
  readonly apply: boolean
  readonly force: boolean
}

/** The object as it is after a write of ours, or what is said of it. */
function written({ live, sent, manager, apply, force }: Write, schema: Schema): unknown {
  const form = () => ({ schema, of: (object: KubernetesObject) => object })
  const write = { manager, apiVersion: KIND.apiVersion, subresource: '', form, resetFields: {}, time: NOW }
  try {
    if (!apply) return { ...sent, metadata: { ...sent.metadata, managedFields: managedByUpdate(live, sent, write) } }
    const applied = applyConfiguration(live, sent, { ...write, force, read: (merged) => merged as KubernetesObject })
    return { ...applied.object, metadata: { ...applied.object.metadata, managedFields: applied.managedFields } }
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    return error.status.code === 409 ? refusal(error.status) : inLines(error.message)
  }
}

function sentBy({ fields, labels, apply, again }: Step, live: KubernetesObject | undefined): KubernetesObject {
  const metadata = { name: 'x', ...(Object.keys(labels).length > 0 && { labels }) }
  if (apply || live === undefined) return asSent({ ...KIND, metadata, ...fields }) as KubernetesObject
  const known = { uid: 'u', managedFields: live.metadata!.managedFields }
  return asSent({ ...(again && live), ...KIND, metadata: { ...metadata, ...known }, ...fields }) as KubernetesObject
}

/** As it is later: entries are in the order of their times, and what is now is over then. */
function later(object: KubernetesObject, step: number): KubernetesObject {
  const aged = JSON.parse(JSON.stringify(object).replaceAll(NOW, `2000-01-01T00:00:0${step}Z`)) as KubernetesObject
  return { ...aged, metadata: { ...aged.metadata, uid: 'u' } }
}

test('custom objects are applied to and updated as upstream does', async () => {
  await using peer = new Peer('managed-fields')
  await fc.assert(
    fc.asyncProperty(cases, async ({ schema, steps }) => {
      const definition = crdOf({ schema })
      const { status: _, ...read } = customResourceDefinitions.conform!(asSent(definition)).value as CustomResourceDefinition
      const type = customKinds(read, (objects) => objects)[0]!.schema()
      const made = await peer.ask<Answer>({ kind: 'custom', converter: 'random', definition })
      fc.pre(made.error === undefined)
      let live: KubernetesObject | undefined
      for (const [at, step] of steps.entries()) {
        const { manager, apply, force } = step
        const write = { live, sent: sentBy(step, live), manager, apply, force }
        // Which validation refuses.
        if (!apply && typeErrors(write.sent, type) !== undefined) continue
        const { live: before = null, sent, ...more } = write
        const kind = { apiVersion: KIND.apiVersion, object: KIND.kind }
        const theirs = await peer.ask<Answer>({ kind: 'write', converter: 'random', live: before, new: sent, ...kind, ...more })
        const expected = theirs.object ?? (theirs.status && refusal(theirs.status)) ?? inLines(theirs.error ?? '')
        assert.deepEqual(asSent(written(write, type)), expected, JSON.stringify(write))
        if (theirs.object !== undefined) live = later(theirs.object, at)
      }
    }),
    { numRuns: RUNS },
  )
})
