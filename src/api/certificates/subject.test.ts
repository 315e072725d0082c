import assert from 'node:assert/strict'
import test from 'node:test'
import { elementAt } from './der.ts'
import { readSubject } from './subject.ts'

const element = (tag: number, ...content: Buffer[]): Buffer => {
  const whole = Buffer.concat(content)
  return Buffer.concat([Buffer.from([tag, whole.length]), whole])
}
/** Below 2.5.4: 3 is a common name, 10 an organization, 6 a country. */
const named = (attribute: number, tag: number, content: string | Buffer): Buffer =>
  element(0x30, element(0x06, Buffer.from([0x55, 4, attribute])), element(tag, Buffer.from(content as string)))
const read = (...sets: Buffer[][]): unknown =>
  readSubject(elementAt(element(0x30, ...sets.map((attributes) => element(0x31, ...attributes)))))

test('the name of a subject is its last common name and all its organizations', () => {
  assert.deepEqual(read(), { commonName: '', organizations: [] })
  assert.deepEqual(
    read([named(10, 0x0c, 'a'), named(10, 0x13, 'b')], [named(6, 0x13, 'DE')], [named(3, 0x0c, 'x')], [named(3, 0x16, 'y')]),
    {
      commonName: 'y',
      organizations: ['a', 'b'],
    },
  )
})

test('names are in many alphabets, and what is no text names nobody', () => {
  assert.deepEqual(read([named(10, 0x0c, 'ä'), named(10, 0x14, Buffer.from([0xe4])), named(10, 0x12, '12')]), {
    commonName: '',
    organizations: ['ä', 'ä', '12'],
  })
  assert.deepEqual(read([named(10, 0x1e, Buffer.from([0, 0x61, 0, 0x62])), named(10, 0x1e, Buffer.from([0]))]), {
    commonName: '',
    organizations: ['ab'],
  })
  assert.deepEqual(read([named(3, 0x0c, 'a'), named(3, 0x02, Buffer.from([1])), named(10, 0x04, 'b')]), {
    commonName: 'a',
    organizations: [],
  })
})
