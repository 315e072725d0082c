import assert from 'node:assert/strict'
import test from 'node:test'
import { compareElements, jsonText, printPath, readElement } from './element.ts'
import { difference, intersection, members, readFieldSet, union, withoutBelow } from './field-set.ts'

const textOf = (value: unknown): string => JSON.stringify(readFieldSet(value))

test('an element has one form, however it was written', () => {
  for (const [written, expected] of [
    ['v:1.0', 'v:1'],
    ['v: 1 ', 'v:1'],
    ['v:1e3', 'v:1000'],
    ['v:1e-7', 'v:1e-07'],
    ['v:-0', 'v:-0'],
    ['v:9007199254740993', 'v:9007199254740992'],
    ['v:"\\u003c"', 'v:"\\u003c"'],
    ['v:"<\\b"', 'v:"\\u003c\\u0008"'],
    ['v:{"b":1,"a":[2]}', 'v:{"a":[2],"b":1}'],
    ['k:{"x":1,"name":"a"}', 'k:{"name":"a","x":1}'],
    ['k:{"a<":"a<"}', 'k:{"a<":"a\\u003c"}'],
    ['k:null', 'k:{}'],
    ['i:+3', 'i:3'],
    ['i:007', 'i:7'],
    ['f:<a b>', 'f:<a b>'],
    ['f:', 'f:'],
  ] as const)
    assert.equal(readElement(written), expected, written)
})

test('what is no element makes no set, and one of an unknown kind is left out', () => {
  for (const bad of [
    '',
    'x',
    'ab',
    'v:',
    'v:x',
    'v:1 2',
    'v:1e400',
    'k:[]',
    'k:1',
    'i:',
    'i:x',
    'i:1.5',
    'i: 1',
    'i:99999999999999999999',
  ]) {
    assert.equal(readElement(bad), undefined, bad)
    assert.equal(readFieldSet({ 'f:a': { [bad]: {} } }), undefined, bad)
  }
  assert.equal(textOf({ 'x:y': { 'v:': 1 }, 'f:a': { 'F:b': {} } }), '{"f:a":{}}')
  for (const bad of [1, 'x', [], true, { 'f:a': 1 }, { 'f:a': { 'f:b': [] } }]) assert.equal(readFieldSet(bad), undefined)
  assert.equal(textOf({ 'f:a': null, 'f:b': { '.': 1 } }), '{"f:a":{},"f:b":{}}')
  assert.equal(textOf({ '.': {} }), '{}')
})

test('a set is read into order, and what is the same element twice is one', () => {
  assert.equal(
    textOf({
      'i:10': {},
      'i:2': {},
      'v:"a"': {},
      'v:2': {},
      'v:true': {},
      'v:10': {},
      'k:{"b":1}': {},
      'f:b': {},
      'f:a': { 'f:c': {}, '.': {} },
    }),
    '{"f:a":{".":{},"f:c":{}},"f:b":{},"k:{\\"b\\":1}":{},"v:2":{},"v:10":{},"v:\\"a\\"":{},"v:true":{},"i:2":{},"i:10":{}}',
  )
  assert.equal(textOf({ 'v:1': {}, 'v:1.0': { 'f:a': {} } }), '{"v:1":{".":{},"f:a":{}}}')
  assert.ok(compareElements('k:{"name":"a"}', 'k:{"name":"a!"}') < 0)
  assert.ok(compareElements('k:{"name":"a"}', 'k:{"name":"a","x":1}') < 0)
  assert.ok(compareElements('f:\uff5e', 'f:😀') < 0)
})

test('a set that is nested without end is none, and is refused at once', () => {
  let deep: unknown = {}
  for (let depth = 0; depth < 100_000; depth++) deep = { 'f:a': deep }
  assert.equal(readFieldSet(deep), undefined)
})

test('sets are joined and taken apart by member, and keep their order', () => {
  const a = readFieldSet({ 'f:a': { '.': {}, 'f:x': {} }, 'f:c': {} })!
  const b = readFieldSet({ 'f:a': {}, 'f:b': {}, 'f:c': { 'f:y': {} } })!
  assert.equal(JSON.stringify(union(a, b)), '{"f:a":{".":{},"f:x":{}},"f:b":{},"f:c":{".":{},"f:y":{}}}')
  assert.equal(JSON.stringify(difference(a, b)), '{"f:a":{"f:x":{}},"f:c":{}}')
  assert.equal(JSON.stringify(intersection(a, b)), '{"f:a":{}}')
  assert.equal(JSON.stringify(withoutBelow(a, b)), '{"f:c":{}}')
})

test('paths are named as Go prints them, those of one place before what is below it', () => {
  const set = readFieldSet({
    'f:a': { 'f:x': {} },
    'f:b': {},
    'k:{"n":"é\\u2028\\"","p":1000000}': {},
    'v:0.00001': {},
    'v:"\\u0007"': {},
    'v:[null,{"a":true}]': {},
  })!
  assert.deepEqual([...members(set)].map(printPath), [
    '.b',
    '[n="é\\u2028\\"",p=1e+06]',
    '[=1e-05]',
    '[="\\a"]',
    '[=[null,a=true]]',
    '.a.x',
  ])
  assert.equal(jsonText({ b: 9007199254740993n, a: [0.1, 1e21] }), '{"a":[0.1,1e+21],"b":9007199254740993}')
})
