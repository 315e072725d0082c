import fc from 'fast-check'
import { mutating, type Options, paramKinds, paramRefs, requests, validating } from './cases.ts'
import { applies, patches } from './mutations.ts'
import { expressions, values } from './validations.ts'

const expression = fc.constantFrom(...expressions)
const text = fc.constantFrom(...values, ...values.map((value) => `string(${value})`), ...expressions)
const name = fc.constantFrom('v', 'w', 'x')
const failurePolicy = fc.constantFrom('Fail', 'Ignore')
const actions = fc.subarray(['Deny', 'Warn', 'Audit'], { minLength: 1 })

const shared = {
  failurePolicy,
  paramKind: fc.option(fc.constantFrom(...paramKinds), { nil: undefined }),
  variables: fc.uniqueArray(fc.record({ name, expression: fc.oneof(expression, text) }), {
    maxLength: 3,
    selector: (each) => each.name,
  }),
  matchConditions: fc.array(fc.record({ name, expression }), { maxLength: 2 }),
}

const options = (binding: fc.Arbitrary<Record<string, unknown>>): fc.Arbitrary<Options> =>
  fc.record({ request: fc.constantFrom(...Object.values(requests)), binding })

const validatingCase = fc
  .tuple(
    fc.record({
      ...shared,
      validations: fc.array(
        fc.record(
          { expression, messageExpression: text, message: text, reason: fc.constantFrom('Forbidden', 'Invalid', 'Unauthorized') },
          { requiredKeys: ['expression'] },
        ),
        { minLength: 1, maxLength: 4 },
      ),
      auditAnnotations: fc.array(fc.record({ key: name, valueExpression: text }), { maxLength: 2 }),
    }),
    options(fc.record({ paramRef: fc.constantFrom(undefined, ...paramRefs), validationActions: actions })),
  )
  .map(([spec, more]) => validating(spec, more))

const mutation = fc.oneof(
  fc.constantFrom(...applies).map((each) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression: each } })),
  fc.constantFrom(...patches).map((each) => ({ patchType: 'JSONPatch', jsonPatch: { expression: each } })),
)

const mutatingCase = fc
  .tuple(
    fc.record({
      ...shared,
      mutations: fc.array(mutation, { minLength: 1, maxLength: 4 }),
      reinvocationPolicy: fc.constantFrom('Never', 'IfNeeded'),
    }),
    options(fc.record({ paramRef: fc.constantFrom(undefined, ...paramRefs) })),
  )
  .map(([spec, more]) => mutating(spec, more))

export const randomCase = fc.oneof(validatingCase, mutatingCase)
