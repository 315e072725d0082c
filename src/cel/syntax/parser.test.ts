import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { EvaluationError } from '../evaluate/program.ts'
import { kubernetesEnvironment } from '../kubernetes/environment.ts'
import { CompileError } from './source.ts'

const environment = kubernetesEnvironment().extend({ variables: { a: { type: { kind: 'dyn' } } } })

const PIECES =
  "a b 1 1.5 2u 'x' b'y' true null + - * / % == != < <= > >= && || ! ? : . .? [ ] [? ( ) { } , in has all map filter exists size optional.of int string r'\\' \"\"\" ''' ` // \\ 0x 9223372036854775808 \u{1f431} \n".split(
    ' ',
  )

test('whatever the text is, it compiles and runs or is refused', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(texts, (text) => {
      try {
        environment.compile(text).evaluate({ a: { b: [1] } })
      } catch (error) {
        if (!(error instanceof CompileError || error instanceof EvaluationError)) throw error
      }
    }),
    { numRuns: 2_000, seed: 7 },
  )
})

test('every issue is shown with its line and a caret, tabs and wide characters included', () => {
  const text = "true ||\n\t'ü' == missing"
  assert.throws(() => environment.compile(text), {
    message: "ERROR: <input>:2:9: undeclared reference to 'missing' (in container '')\n |  'ü' == missing\n | ..．.....^",
    issues: [{ message: "undeclared reference to 'missing' (in container '')", line: 2, column: 8 }],
  })
})
