import assert from 'node:assert/strict'
import test from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { parseJson } from '#base'
import { parseYamlWithDuplicates } from '../../src/meta/yaml/index.ts'
import { Peer } from './peer.ts'
import { BODIES, DOCUMENTS, HEADERS, PIECES, SCALARS, TAGS, WORDS } from './yaml/cases.ts'

interface Answer {
  readonly text: string | null
  readonly error: string
}

interface Read {
  readonly value?: unknown
  readonly error?: string
  readonly strictly?: string
}

const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64')
const textOf = ({ text }: Answer): string => Buffer.from(text ?? '', 'base64').toString()

async function theirs(peer: Peer, text: string | Uint8Array): Promise<Read> {
  const read = await peer.ask<Answer>({ do: 'read', text: base64(text) })
  if (read.error !== '') return { error: read.error }
  const { error } = await peer.ask<Answer>({ do: 'read strictly', text: base64(text) })
  return { value: parseJson(textOf(read)), ...(error !== '' && { strictly: error }) }
}

function ours(text: string | Uint8Array): Read {
  try {
    const { value, duplicates } = parseYamlWithDuplicates(text)
    const found = duplicates()
    const strictly = `yaml: unmarshal errors:\n${found.map((line) => `  ${line}`).join('\n')}`
    return { value, ...(found.length > 0 && { strictly }) }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

/*
 * Left to chance upstream: of keys that are one in JSON (`1` and `"1"`) it takes any, and is asked so often whether it takes the last as we do; of several
 * keys that JSON can't have it tells any, and of such a key's map any order. Kept: we refuse what is nested deeper than any object may be (1000) where upstream
 * goes to 10000; past the first 512 bytes it depends on how far upstream looks ahead whether it finds what is no text before what is no YAML; and JSON as
 * programs print it is read as JSON, so that a key past 1024 characters is one if it has quotes.
 */
const CHANCES = 30
const CONTROL = '\u0001'

async function assertSame(peer: Peer, text: string | Uint8Array): Promise<void> {
  const our = ours(text)
  let their = await theirs(peer, text)
  const areBoth = (words: string): boolean => their.error?.startsWith(words) === true && our.error?.startsWith(words) === true
  // Of several keys that JSON can't have, upstream tells any.
  if (areBoth('unsupported map key')) return
  // Past the first 512 bytes it depends on how far upstream looks ahead which of two errors is found first.
  if (text.length > 500 && String(text).includes(CONTROL) && areBoth('yaml: ')) return
  for (let asked = 1; asked < CHANCES && !isDeepStrictEqual(our, their); asked++) their = await theirs(peer, text)
  assert.deepEqual(our, their, JSON.stringify(text))
}

test('a scalar is what it is upstream, with any tag, as a value, as a key, in a list', async () => {
  await using peer = new Peer('yaml')
  for (const scalar of SCALARS) {
    const texts = [
      scalar,
      `a: ${scalar}`,
      `${scalar}: a`,
      `- ${scalar}`,
      `[${scalar}]`,
      `{${scalar}: 1}`,
      `? ${scalar}\n: b`,
      `a:\n  ${scalar}\nb: c`,
    ]
    for (const text of texts) await assertSame(peer, text)
    for (const tag of TAGS) {
      await assertSame(peer, `a: ${tag} ${scalar}`)
      if (!/["']/.test(scalar)) await assertSame(peer, `a: ${tag} "${scalar}"`)
    }
  }
})

test('blocks of text are read as upstream reads them', async () => {
  await using peer = new Peer('yaml')
  for (const header of HEADERS)
    for (const body of BODIES)
      for (const text of [
        `a: ${header}\n${body}`,
        `a: ${header}\n${body}\nb: c`,
        `- ${header}\n${body}\n- d`,
        `${header}\n${body}`,
      ])
        await assertSame(peer, text)
})

test('documents are read as upstream reads them', async () => {
  await using peer = new Peer('yaml')
  for (const document of DOCUMENTS) await assertSame(peer, document)
})

test('bytes are read as upstream reads them', async () => {
  await using peer = new Peer('yaml')
  const ends = 'c3 ff c0af c3a9 e28080 e08080 eda080 f0808080 f4908080 f8888080 e2 e228a1 efbfbe 00 7f c280 c285'.split(' ')
  const starts = ['', 'a: ', 'a: "', 'a: b\nb: ', `a: ${'b'.repeat(505)}`, `a: ${'\u20ac'.repeat(400)}`]
  for (const start of starts)
    for (const end of ends)
      for (const rest of ['', ' c', '"', '\nc: d'])
        await assertSame(peer, Buffer.concat([Buffer.from(start), Buffer.from(end, 'hex'), Buffer.from(rest)]))
  const utf16 = Buffer.from('\ufeffa: \u00e9\u{1F600}', 'utf16le')
  await assertSame(peer, utf16)
  await assertSame(peer, Buffer.from(utf16).swap16())
})

const RUNS = Number(process.env.T8S_RUNS ?? 20_000)

test('what is made of pieces of YAML is read, or refused, as upstream does', async () => {
  await using peer = new Peer('yaml')
  const text = fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 16 }).map((pieces) => pieces.join(''))
  await fc.assert(
    fc.asyncProperty(text, (document) => assertSame(peer, document)),
    { numRuns: RUNS },
  )
})

test('documents in which something is put or left out are read, or refused, as upstream does', async () => {
  await using peer = new Peer('yaml')
  const change = fc.tuple(fc.nat(), fc.nat({ max: 3 }), fc.constantFrom('', ...PIECES))
  const changed = fc
    .tuple(fc.constantFrom(...DOCUMENTS), fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([document, changes]) => {
      let text = document
      for (const [at, length, piece] of changes) {
        const start = at % (text.length + 1)
        text = text.slice(0, start) + piece + text.slice(start + length)
      }
      return text
    })
  await fc.assert(
    fc.asyncProperty(changed, (document) => assertSame(peer, document)),
    { numRuns: RUNS },
  )
})

test('JSON is read as upstream reads it', async () => {
  await using peer = new Peer('yaml')
  for (const scalar of [...SCALARS, ...WORDS, 'k'.repeat(1024), 'k'.repeat(1025)])
    for (const value of [{ a: scalar }, { [scalar]: 1 }, { a: [scalar, 1.5, -0, 1e21, 1e-7, 2 ** 63] }]) {
      await assertSame(peer, JSON.stringify(value))
      await assertSame(peer, JSON.stringify(value, null, 2))
    }
})

test('objects are decoded, strictly too, as upstream decodes them', async () => {
  await using peer = new Peer('yaml')
  for (const document of DOCUMENTS.map((text) => `kind: X\n${text}`)) {
    const { value, error, strictly } = ours(document)
    const decoded = await peer.ask<Answer>({ do: 'decode', text: base64(document) })
    assert.equal(decoded.error, error ?? '', document)
    if (error !== undefined) continue
    assert.deepEqual(parseJson(textOf(decoded)), value, document)
    const strict = await peer.ask<Answer>({ do: 'decode strictly', text: base64(document) })
    assert.equal(strict.error, strictly === undefined ? '' : `strict decoding error: ${strictly}`, document)
  }
})
