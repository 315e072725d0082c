import assert from 'node:assert/strict'
import test from 'node:test'
import { parseMediaType } from './media-type.ts'

const READ: readonly [contentType: string, type: string | undefined][] = [
  ['application/json', 'application/json'],
  [' Application/JSON ', 'application/json'],
  ['application/json;', 'application/json'],
  ['application/json; charset=utf-8', 'application/json'],
  ['application/json; charset = "utf-8" ;', 'application/json'],
  ['application/json; a="\\""', 'application/json'],
  ['application/json; a=1; A=1', 'application/json'],
  ['application/json; a=1; A=2', undefined],
  ['application/json; a="\\"', undefined],
  ['application/json;x', undefined],
  ['application/json;x=', undefined],
  ['application/json;;', undefined],
  ['application/json; a=1 2', undefined],
  ['application / json', undefined],
  ['application/json,application/yaml', undefined],
  ['application/', undefined],
  ['json', 'json'],
  [';', undefined],
]

for (const [contentType, type] of READ) {
  test(`Content-Type: ${contentType} ${type === undefined ? 'is malformed' : `names ${type}`}`, () => {
    assert.equal(parseMediaType(contentType), type)
  })
}
