/**
 * Reads and watches of what was forgotten: both stores are compacted at the revision of the same write, and asked for what was before it, at it and after it.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { systemClock } from '#base'
import { comparable } from './exchange.ts'
import { WIDGETS, widget } from './kinds.ts'
import { labOf } from './lab.ts'
import type { Side } from './servers.ts'

const PROBE = { 'user-agent': 'probe/1' }

/** What each side said of the writes, in their order, and the tokens of pages that were begun between them. */
const revisions: Readonly<Record<Side['name'], string[]>> = { ours: [], theirs: [] }
const tokens: Readonly<Record<Side['name'], string[]>> = { ours: [], theirs: [] }

const lab = labOf(async (exchange) => {
  const sides = [lab.servers.ours, lab.servers.theirs]
  const each = async (
    asked: Parameters<typeof exchange.ask>[1],
    found: RegExp,
    kept: Readonly<Record<Side['name'], string[]>>,
  ): Promise<void> => {
    for (const side of sides) kept[side.name].push(found.exec((await exchange.ask(side, { headers: PROBE, ...asked })).body)![1]!)
  }
  const write = (name: string): Promise<void> =>
    each(
      { method: 'POST', target: WIDGETS, body: widget(name, {}, { labels: { n: name } }) },
      /"resourceVersion":"(\d+)"/,
      revisions,
    )
  const begin = (query: string): Promise<void> => each({ target: `${WIDGETS}?${query}` }, /"continue":"([^"]+)"/, tokens)
  for (const name of ['a', 'b', 'c']) await write(name)
  await begin('limit=1')
  await begin('limit=1&labelSelector=n')
  for (const name of ['d', 'e', 'f']) await write(name)
  await begin('limit=1')
  const [ours, theirs] = [revisions.ours[3]!, revisions.theirs[3]!]
  await lab.servers.store.compact(Number(ours))
  const etcdctl = (...words: string[]): Promise<unknown> =>
    promisify(execFile)('etcdctl', ['--endpoints', lab.servers.etcd, ...words], { env: { ...process.env, ETCDCTL_API: '3' } })
  await etcdctl('compact', theirs)
  // By which one API server tells others of what it compacted. Upstream's cache keeps what it has until it looks there, every fifteen seconds.
  await etcdctl('put', 'compact_rev_key', theirs)
  await exchange.untilBoth({ target: `${WIDGETS}?resourceVersion=1&resourceVersionMatch=Exact` }, ({ status }) => status === 410)
  const forgotten = async (): Promise<boolean> => {
    const target = `${WIDGETS}?resourceVersion=${revisions.theirs[0]}&resourceVersionMatch=Exact`
    return (await exchange.ask(lab.servers.theirs, { target })).status === 410
  }
  while (!(await forgotten())) await systemClock.sleep(200)
})

const QUERIES = [
  ...[0, 1, 2, 3, 4, 5].flatMap((at) => [
    `resourceVersion={${at}}&resourceVersionMatch=Exact`,
    `resourceVersion={${at}}&resourceVersionMatch=Exact&limit=1`,
    `resourceVersion={${at}}&limit=1`,
    `resourceVersion={${at}}&resourceVersionMatch=Exact&labelSelector=n!=a`,
    `resourceVersion={${at}}&resourceVersionMatch=NotOlderThan`,
    `resourceVersion={${at}}`,
    `watch=1&timeoutSeconds=1&resourceVersion={${at}}`,
    `watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion={${at}}`,
  ]),
  ...['1', '2', '5'].flatMap((revision) => [
    `resourceVersion=${revision}&resourceVersionMatch=Exact`,
    `resourceVersion=${revision}&limit=1`,
    `watch=1&timeoutSeconds=1&resourceVersion=${revision}`,
  ]),
  ...[0, 1, 2].flatMap((at) =>
    ['', '&limit=1', '&limit=2&labelSelector=n', '&labelSelector=n=e'].map((more) => `continue=<${at}>${more}`),
  ),
]

for (const query of QUERIES)
  for (const accept of ['application/json', 'application/json;as=Table;g=meta.k8s.io;v=v1'])
    test(`${query} ${accept}`, async () => {
      const [ours, theirs] = await Promise.all(
        [lab.servers.ours, lab.servers.theirs].map(async (side) => {
          const of =
            (kept: readonly string[]) =>
            (_: string, at: string): string =>
              kept[Number(at)]!
          const asked = query.replace(/\{(\d)\}/g, of(revisions[side.name])).replace(/<(\d)>/g, of(tokens[side.name]))
          const said = await lab.exchange.ask(side, { target: `${WIDGETS}?${asked}`, headers: { ...PROBE, accept } })
          return comparable({ ...said, body: said.body.replace(/"\d+s"/g, '"AGE"') })
        }),
      )
      assert.deepEqual(ours, theirs)
    })
