import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { decodeText } from './decode.ts'

const duplicatesIn = async (text: string): Promise<readonly string[]> =>
  (await decodeText(Buffer.from(text), 'json')).duplicates()

test('keys that stand twice are found however the text is spaced, ordered and escaped', async () => {
  const twice: readonly (readonly [text: string, paths: string[]])[] = [
    ['{"a":1,"a":1}', ['a']],
    ['{"a":1,"a":1}\n', ['a']],
    ['{"a":{"b":1,"b":2}}', ['a.b']],
    ['{"a":[{"b":1},{"b":1,"b":1}]}', ['a[1].b']],
    ['{"\\u0061":1,"a":1}', ['a']],
    ['{"__proto__":1,"__proto__":2}', ['__proto__']],
    ['{"2":1,"1":1,"2":1}', ['2']],
    ['{"a":12345678901234567890,"a":1.0}', ['a']],
  ]
  for (const [text, paths] of twice) {
    const found = paths.map((path) => `duplicate field ${JSON.stringify(path)}`)
    assert.deepEqual(await duplicatesIn(text), found, text)
    assert.deepEqual(await duplicatesIn(text.replaceAll(':', ' : ')), found, text)
  }
})

test('a text that its value prints as is not looked through again, and another is: both say the same', async () => {
  await fc.assert(
    fc.asyncProperty(fc.json({ maxDepth: 4 }), async (text) => {
      assert.deepEqual(await duplicatesIn(text), [])
      assert.deepEqual(await duplicatesIn(JSON.stringify(JSON.parse(text), null, 1)), [])
    }),
    { seed: 1, numRuns: 200 },
  )
})
