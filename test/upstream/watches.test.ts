/**
 * Watches of custom objects, opened at random on both over each transport while both are written the same: what they say, frame by frame, and how they end. Revisions are
 * compared by the write that made them. What is kept: a revision that is no number is the client's mistake (400, 422); the token protocol of a client that shows a
 * certificate is none that a WebSocket is about to speak (upstream leaves it among the others, and refuses to choose).
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { comparableHeaders, inOrder, withoutChance } from './exchange.ts'
import { GADGETS, gadget, WIDGETS, widget } from './kinds.ts'
import { labOf } from './lab.ts'
import type { Side } from './servers.ts'
import { type Streamed, Streams, type Way } from './streams.ts'
import { showMessage } from './wire.ts'

const SEED = Number(process.env.T8S_SEED ?? 1)
const BATCHES = Number(process.env.T8S_BATCHES ?? 6)
const WATCHES = Number(process.env.T8S_WATCHES ?? 120)

const PROBE = { 'user-agent': 'probe/1' }
let streams: Streams | undefined
const lab = labOf(async () => {
  streams = new Streams(lab.servers)
})
after(() => streams?.[Symbol.asyncDispose]())

/** The revisions of the writes of each side, in their order. */
const made: Readonly<Record<Side['name'], string[]>> = { ours: [], theirs: [] }

async function write(asked: { readonly method: string; readonly target: string; readonly body?: unknown }): Promise<void> {
  const { method, target, body } = asked
  const headers = { ...PROBE, ...(method === 'PATCH' && { 'content-type': 'application/merge-patch+json' }) }
  const [ours, theirs] = await lab.exchange.toBoth({ method, target, body, headers })
  assert.equal(ours!.status, theirs!.status, `${method} ${target}: ${ours!.body} ${theirs!.body}`)
  const revisions = [ours!, theirs!].map(({ body: said }) => /"resourceVersion": ?"(\d+)"/.exec(said)?.[1])
  // A delete says none, a refused write neither.
  if (revisions.includes(undefined) || revisions.some((revision, at) => made[at === 0 ? 'ours' : 'theirs'].includes(revision!)))
    return
  made.ours.push(revisions[0]!)
  made.theirs.push(revisions[1]!)
}

const FUTURE = '9999999'

const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const mostly = <T>(common: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(common) }, { weight: 1, arbitrary: pick(...others) })

const object = fc.record({
  name: pick('w1', 'w2', 'w3', 'w4'),
  kind: mostly('widgets', 'gadgets'),
  labels: pick({ n: 'x' }, { n: 'y' }, {}),
  color: pick('red', 'blue', undefined),
  phase: pick('Up', 'Down'),
})
const writing = fc.record({ do: pick('POST', 'POST', 'PUT', 'PATCH', 'PATCH', 'status', 'DELETE', 'DELETE', 'finalize'), object })

async function perform({
  do: what,
  object: { name, kind, labels, color, phase },
}: typeof writing extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
  const [place, make] = kind === 'widgets' ? [WIDGETS, widget] : [GADGETS, gadget]
  const whole = make(name, { spec: { replicas: 1, color } }, { labels })
  const one = `${place}/${name}`
  switch (what) {
    case 'POST':
      return write({ method: 'POST', target: place, body: whole })
    case 'PUT': {
      const target = `${one}`
      return write({ method: 'PUT', target, body: whole })
    }
    case 'PATCH':
      return write({
        method: 'PATCH',
        target: one,
        body: { metadata: { labels: { n: null, ...labels } }, spec: { color: color ?? null } },
      })
    case 'status':
      return write({ method: 'PATCH', target: `${one}/status`, body: { status: { phase } } })
    case 'finalize':
      return write({ method: 'PATCH', target: one, body: { metadata: { finalizers: color === undefined ? ['a/b'] : null } } })
    default:
      return write({ method: 'DELETE', target: one })
  }
}

const AS = ['PartialObjectMetadata', 'PartialObjectMetadataList', 'Table', 'Nope'].flatMap((as) =>
  ['json', 'vnd.kubernetes.protobuf', 'yaml', 'cbor'].flatMap((type) =>
    ['v1', 'v1beta1'].map((v) => `application/${type};as=${as};g=meta.k8s.io;v=${v}`),
  ),
)
const accept = fc.oneof(
  { weight: 4, arbitrary: fc.constant<string | undefined>(undefined) },
  { weight: 4, arbitrary: pick<string | undefined>(...AS.filter((each) => /Table|Metadata;/.test(each) && /json|protobuf/.test(each))) },
  { weight: 1, arbitrary: pick<string | undefined>(...AS) },
  { weight: 1, arbitrary: fc.uniqueArray(pick(...AS, 'application/json'), { minLength: 2, maxLength: 3 }).map((all) => all.join(', ')) },
  { weight: 2, arbitrary: pick<string | undefined>('application/json', 'application/json;stream=watch', 'application/vnd.kubernetes.protobuf', 'application/vnd.kubernetes.protobuf;stream=watch', 'application/yaml', 'application/cbor', 'application/cbor-seq', 'text/html', '*/*', 'application/json;stream=x', 'application/cbor, application/json;q=0.5') },
) // biome-ignore format: one a line

const query = fc.record(
  {
    resourceVersion: fc.oneof({ weight: 6, arbitrary: fc.nat(40).map((at) => `{${at}}`) }, { weight: 2, arbitrary: pick('0', '') }, { weight: 1, arbitrary: pick(FUTURE, 'x', '-1', '1', '1.5', '18446744073709551616', '01') }),
    resourceVersionMatch: mostly('NotOlderThan', 'Exact', '', 'x'),
    sendInitialEvents: mostly('true', 'false', '', 'x', '0'),
    allowWatchBookmarks: mostly('true', 'false', '1', ''),
    labelSelector: mostly('n=x', 'n', '!n', 'n in (x,y)', 'n!=x', '((', '', 'n notin (x)'),
    fieldSelector: fc.oneof({ weight: 9, arbitrary: pick('metadata.name=w1', 'metadata.name!=w1', 'spec.color=red', 'spec.color!=red', 'metadata.namespace=a', 'metadata.name=w1,spec.color=blue', 'spec.color=', '') }, { weight: 1, arbitrary: fc.constant('spec.nope=1') }),
    limit: pick('1', 'x', '-1', '0'),
    continue: pick('x', '', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MTAsInN0YXJ0IjoidzFcdTAwMDAifQ'),
    includeObject: pick('None', 'Metadata', 'Object', 'x'),
    pretty: pick('true', 'false'),
  },
  { requiredKeys: [] },
) // biome-ignore format: one a line
const rare: Readonly<Record<string, number>> = { resourceVersion: 0.8, resourceVersionMatch: 0.3, sendInitialEvents: 0.35, allowWatchBookmarks: 0.5, labelSelector: 0.25, fieldSelector: 0.25, limit: 0.06, continue: 0.04, includeObject: 0.2, pretty: 0.08 } // biome-ignore format: a table
const rolled = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 10, maxLength: 10 })
/** Fitting, what is told about initial events says as well how a revision is meant. */
function queryOf(
  all: Readonly<Record<string, string>>,
  dice: readonly number[],
  fits: boolean,
): Readonly<Record<string, string>> {
  const { resourceVersionMatch, sendInitialEvents, ...rest } = Object.fromEntries(
    Object.entries(all).filter(([name], at) => dice[at]! < rare[name]!),
  )
  const isInitial = sendInitialEvents !== undefined
  if (fits) return { ...rest, ...(isInitial && { sendInitialEvents, resourceVersionMatch: 'NotOlderThan' }) }
  return { ...rest, ...(isInitial && { sendInitialEvents }), ...(resourceVersionMatch !== undefined && { resourceVersionMatch }) }
}

const watching = fc.record({
  way: pick<Way>('HTTP/1.1', 'HTTP/2', 'WebSocket'),
  place: mostly<string>(WIDGETS, GADGETS, '/apis/example.com/v1/widgets', `${WIDGETS}/w1`, '/apis/example.com/v1/watch/namespaces/a/widgets', '/apis/example.com/v1/watch/namespaces/a/widgets/w2', '/apis/example.com/v1beta1/widgets', '/apis/example.com/v1/namespaces/b/widgets'),
  timeoutSeconds: pick('5', '6'),
  accept,
  query: fc.tuple(query, rolled, mostly(true, false)).map(([all, dice, fits]) => queryOf(all, dice, fits)),
  protocols: mostly<readonly string[]>([], ['base64.binary.k8s.io'], ['v4.channel.k8s.io', 'x'], ['anything']),
  origin: mostly<string | undefined>('https://a.example', undefined, 'null', 'nonsense', '/a'),
}) // biome-ignore format: one a line
type Watching = typeof watching extends fc.Arbitrary<infer T> ? T : never

const targetFor = (side: Side, { place, query: asked, timeoutSeconds }: Watching): string => {
  const words = Object.entries(asked).map(([name, value]) => {
    const shown = value.replace(/^\{(\d+)\}$/, (_, at: string) => made[side.name][Number(at) % made[side.name].length] || '0')
    return `${name}=${encodeURIComponent(shown)}`
  })
  return `${place}?watch=true&timeoutSeconds=${timeoutSeconds}&${words.join('&')}`
}

function open(side: Side, asked: Watching) {
  const { way, accept: wish, protocols, origin } = asked
  const isFromPage = way === 'WebSocket' && origin !== undefined
  const headers = { ...PROBE, ...(wish !== undefined && { accept: wish }), ...(isFromPage && { origin }) }
  return streams!.open(side, { way, target: targetFor(side, asked), headers, protocols })
}

interface Comparable {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly frames: readonly string[]
  readonly end: string
}

/** The client's mistake to ours, an internal error to upstream. */
const BAD_REVISION: Comparable = { status: 0, headers: {}, frames: ['no revision'], end: '' }

/** How far a server has come when it has told what there is, is its own. */
const SO_FAR = /("resourceVersion":|\b6: )"[^"]*"/g

const isPeriodical = (frame: string): boolean => /BOOKMARK/.test(frame) && !/initial-events-end/.test(frame)

/** A stream with what may differ taken out: revisions are those of writes, and how often bookmarks come is by chance. */
function comparable(side: Side, { status, headers, messages, end }: Streamed): Comparable {
  const revisions = new Map(made[side.name].map((revision, at) => [revision, `OF-WRITE-${at}`]))
  const isYaml = /yaml/.test(headers['content-type'] ?? '')
  const renamed = (text: string): string =>
    withoutChance(
      (isYaml ? JSON.stringify(parse(text)) : text)
        .replace(/("resourceVersion": ?)"(\d+)"/g, (all, name: string, revision: string) =>
          revisions.has(revision) ? `${name}"${revisions.get(revision)}"` : all,
        )
        .replace(
          /resource version: (\d+)( \(\d+\))?/g,
          (_, revision: string) => `resource version: ${revisions.get(revision) ?? revision}`,
        )
        .replace(/"\d+(s|m|m\d+s)"/g, '"AGE"'),
    )
  const isProtobuf = /protobuf/.test(headers['content-type'] ?? '')
  const frames = messages.flatMap(({ form, bytes }) => {
    const texts =
      isProtobuf || form === 'binary'
        ? (form === 'body' ? [...lengthDelimited(bytes)] : [bytes]).map((each) =>
            showMessage(each, (revision) => revisions.get(revision)),
          )
        : [bytes.toString()]
    return texts.map(
      (text) =>
        `${form} ${inOrder(renamed(text)).replace(/^.*initial-events-end.*$/gm, (mark) => mark.replace(SO_FAR, '$1"SO-FAR"'))}`,
    )
  })
  const lines = frames.flatMap((frame) =>
    frame.startsWith('body {') && /^body \{"(object|type)":/.test(frame)
      ? frame.split(/(?<=\n)(?=\{)/).map((each) => each.replace(/^body /, ''))
      : [frame],
  )
  if (status !== 101 && /strconv\.ParseUint/.test(frames.join())) return BAD_REVISION
  return {
    status,
    headers: comparableHeaders(headers),
    frames: lines.filter((line) => !isPeriodical(line) && line !== 'body '),
    end,
  }
}

function* lengthDelimited(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; ) {
    const size = body.readUInt32BE(at)
    yield body.subarray(at + 4, at + 4 + size)
    at += 4 + size
  }
}

const { ours, theirs } = { ours: 0, theirs: 1 } as const
for (let batch = 0; batch < BATCHES; batch++) {
  test(`watches say the same (seed ${SEED + batch})`, { timeout: 60_000 }, async () => {
    const seed = SEED + batch
    for (const each of fc.sample(fc.noBias(writing), { seed, numRuns: 20 })) await perform(each)
    const asked = fc.sample(fc.noBias(watching), { seed, numRuns: WATCHES })
    const sides = [lab.servers.ours, lab.servers.theirs]
    const opened = asked.map((each) => sides.map((side) => open(side, each)))
    // What waits for a revision that does not come begins when it has waited, and ends.
    const prompt = opened.filter((_, at) => asked[at]!.query['resourceVersion'] !== FUTURE)
    await Promise.all(prompt.flat().map((stream) => stream.begun))
    for (const each of fc.sample(fc.noBias(writing), { seed: seed + 1000, numRuns: 12 })) await perform(each)
    const differences: string[] = []
    for (const [at, pair] of opened.entries()) {
      const said = await Promise.all(pair.map(async (stream, side) => comparable(sides[side]!, await stream.ended)))
      try {
        assert.deepEqual(said[ours], said[theirs])
      } catch (error) {
        differences.push(`${JSON.stringify(asked[at])}\n${targetFor(sides[theirs]!, asked[at]!)}\n${(error as Error).message}`)
      }
    }
    assert.deepEqual(differences.length, 0, differences.join('\n\n'))
  })
}
