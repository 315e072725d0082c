import {
  CompileError,
  types as celTypes,
  type Environment,
  estimateCost,
  formatType,
  InstantiationError,
  kubernetesEnvironment,
  Optional,
  type Program,
  SchemaTypes,
  sizeHints,
  typeOfRoot,
  type Variable,
} from '#cel'
import type { ValidationRule } from '../../generated/types.ts'
import { placeOf } from '../schema/field-path.ts'
import { isEmbedded, type Structural } from '../schema/structural.ts'
import { celSchema } from './cel-schema.ts'

/** A rule of a node, ready to run; a text instead of a program says why it does not compile. */
export interface CompiledRule {
  readonly rule: ValidationRule
  readonly program: Program | string
  readonly messageProgram: Program | string | undefined
  readonly usesOldSelf: boolean
  /** What the rule blames, seen from its node; empty: the node itself. */
  readonly fieldPath: string
  /** The most that one evaluation may cost by what the schema says of sizes. */
  readonly maxCost: number
  readonly messageMaxCost: number
}

const compiled = new WeakMap<Structural, readonly CompiledRule[]>()
const compiledRoots = new WeakMap<Structural, readonly CompiledRule[]>()

/** The rules of a node, compiled once (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules). */
export function rulesOf(node: Structural, isRoot: boolean): readonly CompiledRule[] {
  const known = isRoot ? compiledRoots : compiled
  let rules = known.get(node)
  if (rules === undefined) known.set(node, (rules = compileNode(node, isRoot)))
  return rules
}

function compileNode(node: Structural, isRoot: boolean): readonly CompiledRule[] {
  const rules = node['x-kubernetes-validations'] ?? []
  if (rules.length === 0) return []
  const types = new SchemaTypes()
  const self = types.declare('selfType', celSchema(node), isRoot || isEmbedded(node))
  if (self === undefined) return rules.map((rule) => broken(rule, 'no schema type for self'))
  const plain = kubernetesEnvironment().extend({ provider: types, variables: { self } })
  const both = plain.extend({ variables: { oldSelf: self } })
  const maybe: Variable = {
    type: celTypes.optional(self.type),
    adapt: (raw) => (raw === undefined ? Optional.none : Optional.of(self.adapt(raw))),
  }
  const optional = plain.extend({ variables: { oldSelf: maybe } })
  const hints = sizeHints({ self, oldSelf: self })
  const costOf = (program: Program | string | undefined): number =>
    program === undefined || typeof program === 'string' ? 0 : estimateCost(program.checked, hints).max
  return rules.map((rule) => {
    const environment = rule.optionalOldSelf ? optional : both
    const program = compileAs(
      'bool',
      environment,
      rule.rule,
      ['compilation', 'program instantiation'],
      'cel expression must evaluate to a bool',
    )
    const text = rule.messageExpression
    const messageProgram =
      text && typeof program !== 'string'
        ? compileAs(
            'string',
            environment,
            text,
            ['messageExpression compilation', 'messageExpression instantiation'],
            'messageExpression must evaluate to a string',
          )
        : undefined
    return {
      rule,
      program,
      messageProgram,
      usesOldSelf: readsOldSelf(program),
      fieldPath: blamed(rule, node),
      maxCost: costOf(program),
      messageMaxCost: costOf(messageProgram),
    }
  })
}

const broken = (rule: ValidationRule, why: string): CompiledRule => ({
  rule,
  program: why,
  messageProgram: undefined,
  usesOldSelf: false,
  fieldPath: '',
  maxCost: 0,
  messageMaxCost: 0,
})

/** `steps` names what fails: the compilation, and making a program of what compiled. */
function compileAs(
  type: string,
  environment: Environment,
  text: string,
  [compilation, instantiation]: readonly [string, string],
  mistyped: string,
): Program | string {
  try {
    const checked = environment.check(text)
    return formatType(typeOfRoot(checked)) === type ? environment.instantiate(checked) : mistyped
  } catch (error) {
    if (error instanceof InstantiationError) return `${instantiation} failed: ${error.message}`
    if (!(error instanceof CompileError)) throw error
    return `${compilation} failed: ${error.message}`
  }
}

function blamed({ fieldPath }: ValidationRule, node: Structural): string {
  const place = fieldPath ? placeOf(fieldPath, node) : ''
  return typeof place === 'string' ? '' : place.path
}

const readsOldSelf = (program: Program | string): boolean =>
  typeof program !== 'string' &&
  program.checked.references.some((reference) => reference?.kind === 'name' && reference.name === 'oldSelf')
