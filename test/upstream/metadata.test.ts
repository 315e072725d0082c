/**
 * What is wrong with metadata and with the options of requests: whole lists, in order, with types. What is kept: what ignores an
 * unreadable object is not asked of a delete, since its feature is off and upstream drops it first; of maps there is one key, since upstream walks through them by chance.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { configMaps, type Findings, type ResourceDefinition } from '../../src/api/index.ts'
import { foundBy } from '../../src/api/validation/findings.ts'
import { subdomainName } from '../../src/api/validation/names.ts'
import type { RequestContext } from '../../src/apiserver/context.ts'
import { includeObjectOf } from '../../src/apiserver/presentation/negotiate.ts'
import { checkDeleteOptions, type DeleteOptions } from '../../src/apiserver/registry/deletion.ts'
import { checkWriteOptions } from '../../src/apiserver/registry/field-management.ts'
import { validateCreate, validateUpdate } from '../../src/apiserver/registry/validate-metadata.ts'
import { requestInfoOf } from '../../src/apiserver/request-info.ts'
import { listOptionsOf } from '../../src/apiserver/rest/list-options.ts'
import { type KubernetesObject, type ObjectMeta, StatusError } from '../../src/meta/index.ts'
import { metadata, text } from './metadata-generators.ts'
import { Peer } from './peer.ts'

const RUNS = Number(process.env.T8S_RUNS ?? 5_000)

/** A kind whose finalizers are judged by no rule of its own. */
const KIND = { group: 'apiextensions.k8s.io', validateName: subdomainName, immutableFields: [] } as unknown as ResourceDefinition

const said = (found: Findings): string[] => found.map(({ field, message, reason }) => `${reason} ${field}: ${message}`)

/** Where an object is, what it is a version of, and that it has been read, is settled before it is judged. */
const placed = (given: object): ObjectMeta => ({ ...given, namespace: 'a', resourceVersion: '1' })

test('what is wrong with the metadata of a new object is told as by upstream', async () => {
  await using peer = new Peer('names')
  await fc.assert(
    fc.asyncProperty(metadata, async (given) => {
      const meta = placed(given)
      const found = foundBy((each) => validateCreate({ metadata: meta } as KubernetesObject, KIND, each))
      assert.deepEqual(said(found), await peer.ask({ kind: 'create', meta }))
    }),
    { numRuns: RUNS },
  )
})

test('what is wrong with metadata that replaces other is told as by upstream', async () => {
  await using peer = new Peer('names')
  const pair = fc.oneof(
    fc.tuple(metadata, metadata),
    fc.tuple(metadata, metadata).map(([given, more]) => [{ ...given, ...more }, given] as const),
  )
  await fc.assert(
    fc.asyncProperty(pair, async ([given, before]) => {
      // A name stays as the path says, and an empty one or an empty UID means that of before.
      const old = placed({ ...before, uid: before.uid || 'u', name: before.name ?? '' })
      const meta = placed({ ...given, uid: given.uid || old.uid, name: given.name ?? '' })
      const objects = [{ metadata: meta }, { metadata: old }] as [KubernetesObject, KubernetesObject]
      const found = foundBy((each) => validateUpdate(...objects, KIND, each))
      assert.deepEqual(said(found), await peer.ask({ kind: 'update', meta, old }))
    }),
    { numRuns: RUNS },
  )
})

/** The causes of a refusal, of which there are none where nothing is refused. */
function refused(ask: () => unknown): string[] {
  try {
    ask()
    return []
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    const causes = error.status.details?.causes ?? []
    return causes.map(({ field, message, reason }) => `${reason} ${field}: ${message}`)
  }
}

const dryRun = fc.array(fc.constantFrom('All', '', 'all', '<'), { maxLength: 3 })
const writeOptions = fc.record(
  {
    fieldManager: fc.oneof(fc.constantFrom('', 'me', 'm'.repeat(128), 'é'.repeat(65)), text),
    dryRun,
    fieldValidation: fc.oneof(fc.constantFrom('', 'Ignore', 'Warn', 'Strict', 'strict'), text),
  },
  { requiredKeys: [] },
)

function queryOf(options: Readonly<Record<string, unknown>>): URLSearchParams {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(options))
    for (const each of Array.isArray(value) ? value : [value]) query.append(key, String(each))
  return query
}

for (const [kind, method] of Object.entries({ createOptions: 'POST', updateOptions: 'PUT' })) {
  test(`${kind} are refused as by upstream`, async () => {
    await using peer = new Peer('names')
    await fc.assert(
      fc.asyncProperty(writeOptions, async (options) => {
        const context = { query: queryOf(options), method } as RequestContext
        assert.deepEqual(
          refused(() => checkWriteOptions(context, kind, false)),
          await peer.ask({ kind, options }),
        )
      }),
      { numRuns: RUNS },
    )
  })
}

test('options of a patch are refused as by upstream', async () => {
  await using peer = new Peer('names')
  const patchType = fc.constantFrom('application/apply-patch+yaml', 'application/merge-patch+json')
  await fc.assert(
    fc.asyncProperty(writeOptions, patchType, fc.option(fc.boolean(), { nil: undefined }), async (written, type, force) => {
      const options = force === undefined ? written : { ...written, force }
      const context = { query: queryOf(options), method: 'PATCH' } as RequestContext
      assert.deepEqual(
        refused(() => checkWriteOptions(context, 'PatchOptions', type.includes('apply'))),
        await peer.ask({ kind: 'patchOptions', options, patchType: type }),
      )
    }),
    { numRuns: RUNS },
  )
})

test('options of a delete are refused as by upstream', async () => {
  await using peer = new Peer('names')
  const deleteOptions = fc.record(
    {
      propagationPolicy: fc.oneof(fc.constantFrom('Foreground', 'Background', 'Orphan', 'nil', '', '<'), text),
      orphanDependents: fc.boolean(),
      dryRun,
      gracePeriodSeconds: fc.constantFrom(0, -1, 30),
      preconditions: fc.constantFrom({}, { uid: 'u' }),
    },
    { requiredKeys: [] },
  )
  await fc.assert(
    fc.asyncProperty(deleteOptions, async (options) => {
      const theirs = await peer.ask({ kind: 'deleteOptions', options })
      assert.deepEqual(
        refused(() => checkDeleteOptions(options as DeleteOptions)),
        theirs,
      )
    }),
    { numRuns: RUNS },
  )
})

const CONFIG_MAPS = requestInfoOf({ method: 'GET', path: '/api/v1/namespaces/default/configmaps' }) as RequestContext['info']

test('options of lists and watches are refused as by upstream', async () => {
  await using peer = new Peer('names')
  const listOptions = fc.record(
    {
      resourceVersion: fc.constantFrom('', '0', '1'),
      resourceVersionMatch: fc.oneof(fc.constantFrom('', 'Exact', 'NotOlderThan', 'exact', '<'), text),
      continue: fc.constantFrom('', 'c'),
      sendInitialEvents: fc.boolean(),
      allowWatchBookmarks: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  await fc.assert(
    fc.asyncProperty(listOptions, fc.constantFrom('list', 'watch'), async (options, verb) => {
      assert.deepEqual(
        refused(() => listOptionsOf({ query: queryOf(options), resource: configMaps, info: CONFIG_MAPS }, verb)),
        await peer.ask({ kind: 'listOptions', options: { ...options, watch: verb === 'watch' } }),
      )
    }),
    { numRuns: RUNS },
  )
})

test('what rows of a table carry is refused as by upstream', async () => {
  await using peer = new Peer('names')
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.constantFrom('', 'None', 'Metadata', 'Object', 'none'), text), async (includeObject) => {
      const [theirs] = await peer.ask<string[]>({ kind: 'tableOptions', options: { includeObject } })
      const why = theirs?.replace('FieldValueInvalid ', '')
      const message = why && `Unable to convert to Table as requested: ${why}`
      const ask = (): unknown => includeObjectOf(new URLSearchParams({ includeObject }))
      if (message === undefined) ask()
      else assert.throws(ask, { message })
    }),
    { numRuns: RUNS },
  )
})
