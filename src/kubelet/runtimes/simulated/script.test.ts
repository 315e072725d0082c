import assert from 'node:assert/strict'
import test from 'node:test'
import { endOf, SCRIPT_ANNOTATION, scriptFor } from './script.ts'

const annotated = (scripts: object, index?: string) => ({
  [SCRIPT_ANNOTATION]: JSON.stringify(scripts),
  ...(index !== undefined && { 'batch.kubernetes.io/job-completion-index': index }),
})

test('a container has the script of its name, else the one of every container, else none', () => {
  const annotations = annotated({ main: { afterSeconds: 1 }, '*': { afterSeconds: 2 } })
  assert.deepEqual(scriptFor(annotations, 'main'), { afterSeconds: 1 })
  assert.deepEqual(scriptFor(annotations, 'other'), { afterSeconds: 2 })
  assert.deepEqual(scriptFor({}, 'main'), {})
  assert.deepEqual(scriptFor({ [SCRIPT_ANNOTATION]: 'no JSON' }, 'main'), {})
})

test('the pod of an index does what is different for it', () => {
  const scripts = { main: { afterSeconds: 1, byIndex: { 1: { exitCode: 3 } } } }
  const shown = (index?: string) => {
    const { afterSeconds, exitCode } = scriptFor(annotated(scripts, index), 'main')
    return [afterSeconds, exitCode]
  }
  assert.deepEqual(
    [shown('0'), shown('1'), shown()],
    [
      [1, undefined],
      [1, 3],
      [1, undefined],
    ],
  )
})

test('each start takes the next of a list, and the last serves all that follow', () => {
  const ends = (script: Parameters<typeof endOf>[0]) =>
    [0, 1, 2, 3].map((attempt) => {
      const end = endOf(script, attempt)
      return end && [end.afterSeconds, end.exitCode]
    })
  const failed = [
    [5, 1],
    [5, 2],
    [5, 0],
    [5, 0],
  ]
  assert.deepEqual(ends({ afterSeconds: 5, exitCode: [1, 2, 0] }), failed)
  assert.deepEqual(ends({ afterSeconds: [0, 1, null], exitCode: 7 }), [[0, 7], [1, 7], undefined, undefined])
  assert.deepEqual(ends({ exitCode: 7 }), [undefined, undefined, undefined, undefined])
  assert.deepEqual(endOf({ afterSeconds: 0, exitCode: [] }, 0), { afterSeconds: 0, exitCode: 0 })
})
