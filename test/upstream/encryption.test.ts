// What is encrypted by one of us is read by the other, by every provider, and refused in the same words where it is damaged. Upstream panics on a value of aescbc
// that was cut to its first block; we refuse it. An envelope of KMS that is damaged
// is refused in words of our own.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { nullLog, systemClock, systemRandom } from '#base'
import { startKmsPlugin } from '#testing'
import { parseEncryptionConfiguration } from '../../src/apiserver/encryption/configuration.ts'
import { EncryptionMetrics } from '../../src/apiserver/encryption/metrics.ts'
import { Transformers } from '../../src/apiserver/encryption/transformers.ts'
import { Peer } from './peer.ts'

const RUNS = Number(process.env.T8S_UPSTREAM_RUNS ?? 200)
const PATH = '/registry/secrets/default/one'
const folder = mkdtempSync(join(tmpdir(), 't8s-encryption-'))
const peer = new Peer('encryption')
after(async () => {
  await peer[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

interface Answer {
  readonly bytes: string | null
  readonly stale?: boolean
  readonly error?: string
}

const secret = (byte: number, size = 32): string => Buffer.alloc(size, byte).toString('base64')
const keys = (...sizes: number[]) => ({
  keys: sizes.map((size, index) => ({ name: `key${index}`, secret: secret(index + 1, size) })),
})

async function both(
  name: string,
  providers: unknown,
  run: (file: string, transformers: Transformers) => Promise<void>,
): Promise<void> {
  const file = join(folder, `${name}.yaml`)
  const resources = [{ resources: ['secrets'], providers }]
  writeFileSync(file, JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'EncryptionConfiguration', resources }))
  const configuration = await parseEncryptionConfiguration(
    Buffer.from(JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'EncryptionConfiguration', resources })),
    file,
    false,
  )
  await using transformers = await Transformers.open(configuration, {
    clock: systemClock,
    random: systemRandom,
    log: nullLog,
    metrics: new EncryptionMetrics(systemClock, 'me'),
  })
  await run(file, transformers)
}

const compared =
  (wording: 'same' | 'own') =>
  async (file: string, transformers: Transformers): Promise<void> => {
    const ours = transformers.of({ group: '', resource: 'secrets' })!
    const outcome = async (stored: Uint8Array, path: string): Promise<unknown> => {
      try {
        const { bytes, isStale } = await ours.open(stored, path)
        return [Buffer.from(bytes).toString('base64'), isStale]
      } catch (error) {
        return (error as Error).message
      }
    }
    const theirsOf = async (stored: Uint8Array, path: string): Promise<unknown> => {
      const { bytes, stale = false, error } = await peer.ask<Answer>({ file, path, open: Buffer.from(stored).toString('base64') })
      return error ?? [bytes ?? '', stale]
    }
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.nat(),
        fc.nat(255),
        fc.nat(3),
        async (value, at, byte, kind) => {
          const mine = await ours.seal(value, PATH)
          const { bytes: sealed, error } = await peer.ask<Answer>({
            file,
            path: PATH,
            seal: Buffer.from(value).toString('base64'),
          })
          assert.equal(error, undefined)
          const plain = Buffer.from(value).toString('base64')
          for (const stored of [mine, Buffer.from(sealed!, 'base64')]) {
            assert.deepEqual(await outcome(stored, PATH), [plain, false])
            assert.deepEqual(await theirsOf(stored, PATH), [plain, false])
            const damaged = kind === 0 ? stored.subarray(0, 1 + (at % stored.length)) : Buffer.from(stored)
            if (kind === 1) damaged[at % damaged.length] = byte
            const path = kind === 2 ? `${PATH}x` : PATH
            const theirs = await theirsOf(damaged, path)
            if (theirs === 'panic') continue
            const mine = await outcome(damaged, path)
            if (wording === 'own' && typeof theirs === 'string') assert.equal(typeof mine, 'string')
            else assert.deepEqual(mine, theirs)
          }
        },
      ),
      { numRuns: RUNS },
    )
  }

for (const [name, sizes] of [
  ['aescbc', [16, 24, 32]],
  ['aesgcm', [16, 24, 32]],
  ['secretbox', [32]],
] as const)
  for (const size of sizes)
    test(`${name} with a key of ${size} bytes`, () =>
      both(`${name}${size}`, [{ [name]: keys(size, 32) }, { identity: {} }], compared('same')))

test('a key that is not the first, and a provider that is not', async () => {
  const values: string[] = []
  await both('first', [{ aescbc: { keys: [{ name: 'old', secret: secret(5) }] } }], async (_file, transformers) => {
    values.push(
      Buffer.from(await transformers.of({ group: '', resource: 'secrets' })!.seal(Buffer.from('x'), PATH)).toString('base64'),
    )
  })
  await both(
    'second',
    [
      { secretbox: keys(32) },
      {
        aescbc: {
          keys: [
            { name: 'new', secret: secret(6) },
            { name: 'old', secret: secret(5) },
          ],
        },
      },
      { identity: {} },
    ],
    async (file, transformers) => {
      for (const open of [...values, Buffer.from('{"kind":"Secret"}').toString('base64')]) {
        const { bytes, isStale } = await transformers
          .of({ group: '', resource: 'secrets' })!
          .open(Buffer.from(open, 'base64'), PATH)
        assert.deepEqual(await peer.ask<Answer>({ file, path: PATH, open }), {
          bytes: Buffer.from(bytes).toString('base64'),
          ...(isStale && { stale: true }),
        })
        assert.equal(isStale, true)
      }
    },
  )
})

test('KMS v2, one plugin for both', async () => {
  await using plugin = await startKmsPlugin()
  await both(
    'kms',
    [{ kms: { apiVersion: 'v2', name: 'vault', endpoint: plugin.endpoint, timeout: '3s' } }, { identity: {} }],
    compared('own'),
  )
})
