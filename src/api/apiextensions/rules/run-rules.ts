import { deepEqual } from '#base'
import { EvaluationCancelled, EvaluationError, PER_CALL_LIMIT, type Program, RUNTIME_COST_BUDGET, type Variables } from '#cel'
import { type FieldError, isObject } from '#meta'
import type { ValidationRule } from '../../generated/types.ts'
import { duplicateValue, forbid, invalidValue, required, withoutValue } from '../../validation/findings.ts'
import { type Former, formerField, formerItems } from '../schema/correlation.ts'
import { additionalOf, isRuled, propertyOf, type Structural } from '../schema/structural.ts'
import { type CompiledRule, rulesOf } from './compile-rules.ts'

const MESSAGE_BYTES_MAX = 5 * 1024

export interface RunOptions {
  /** What the value was before an update. */
  readonly former: Former | undefined
  /** Where the value stands; the whole object, unless said otherwise. */
  readonly path?: string
  readonly isRoot?: boolean
  /** Whether what did not change may stay wrong. */
  readonly ratchets?: boolean
}

export interface Verdict {
  readonly problems: FieldError[]
  /** What is wrong, but was so before. */
  readonly tolerated: FieldError[]
}

/**
 * What the rules of a schema say against a value. All of them share one budget. A value may also stand inside an object (`isRoot` is false), as a default does.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
 */
export function runRules(
  value: unknown,
  schema: Structural,
  { former, path = '', isRoot = true, ratchets = true }: RunOptions,
): Verdict {
  const run = new Run()
  run.node({ value, node: schema, path, former, isUnchanged: ratchets ? never : undefined }, isRoot)
  return run
}

/** A value of a node, and whether it, or the nearest part around it that an update can be told to keep, is what it was. */
interface Place {
  readonly value: unknown
  readonly node: Structural
  readonly path: string
  readonly former: Former | undefined
  /** Undefined where nothing is tolerated for being old. */
  readonly isUnchanged: (() => boolean) | undefined
}

const never = (): boolean => false

class Run implements Verdict {
  readonly problems: FieldError[] = []
  readonly tolerated: FieldError[] = []
  #budget = RUNTIME_COST_BUDGET

  node(around: Place, isRoot = false): void {
    const { value, node, former } = around
    if (this.#budget < 0 || value === null || value === undefined || !isRuled(node)) return
    const { isUnchanged } = around
    const place = isUnchanged && former ? { ...around, isUnchanged: once(() => deepEqual(value, former.value)) } : around
    for (const rule of rulesOf(node, isRoot)) {
      if (this.#budget < 0) return
      // A definition with an empty rule is refused, after its defaults were judged.
      if (rule.rule.rule.trim() === '') continue
      if (rule.usesOldSelf && !rule.rule.optionalOldSelf && former === undefined) continue
      this.#rule(rule, place)
    }
    this.#below(place)
  }

  #below(place: Place): void {
    const { value, node, path, former } = place
    if (Array.isArray(value)) {
      const { items } = node
      if (items === undefined || !isRuled(items)) return
      const formerOf = formerItems(node, former)
      for (const [index, item] of value.entries())
        this.node({ ...place, value: item, node: items, path: `${path}[${index}]`, former: formerOf(item) })
    } else if (isObject(value)) {
      for (const name of Object.keys(value)) {
        const field = propertyOf(node, name)
        const child = field ?? additionalOf(node)
        if (child === undefined || !isRuled(child)) continue
        const own = field === undefined ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`
        this.node({ ...place, value: value[name], node: child, path: own, former: formerField(former, name) })
      }
    }
  }

  #rule(compiled: CompiledRule, place: Place): void {
    const { rule, program } = compiled
    const { value, node, path, former } = place
    const type = node.type ?? ''
    const say = (detail: string): void => void this.problems.push(invalidValue(path || NOWHERE, type, detail))
    const data = { self: value, oldSelf: () => former?.value }
    if (typeof program === 'string') say(`rule compile error: ${program}`)
    else if (!this.#holds(program, rule, data, say)) this.#fail(compiled, place, data)
  }

  #fail(
    { rule, usesOldSelf, messageProgram, fieldPath }: CompiledRule,
    { value, node, path, isUnchanged }: Place,
    data: Variables,
  ) {
    const at = [path, fieldPath].filter((part) => part !== '').join('.') || NOWHERE
    const isWhole = node.type === 'object' || node.type === 'array'
    const message = this.#message(rule, messageProgram, data)
    const problem =
      message.isFatal === true
        ? invalidValue(at, node.type ?? '', message.text)
        : finding(rule, at, isWhole ? undefined : value, message.text)
    const isTolerated = !usesOldSelf && isUnchanged?.() === true
    if (isTolerated) this.tolerated.push(problem)
    else this.problems.push(problem)
  }

  /** False when the rule was evaluated and does not hold; what kept it from being evaluated is said. */
  #holds(program: Program, rule: ValidationRule, data: Variables, say: (detail: string) => void): boolean {
    try {
      const { value, cost } = program.evaluate(data, { costLimit: PER_CALL_LIMIT })
      return !this.#spend(cost, say) || value === true
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error
      if (error instanceof EvaluationCancelled) {
        this.#budget = -1
        say(`'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${shown(rule)}`)
      } else if (this.#spend(error.cost, say)) {
        const mismatch = 'call arguments did not match a supported operator, function or macro signature for rule'
        say(
          error.message.startsWith('no such overload')
            ? `'${error.message}': ${mismatch}: ${shown(rule)}`
            : `${error.message} evaluating rule: ${shown(rule)}`,
        )
      }
      return true
    }
  }

  /** Why a rule does not hold; fatal when finding out took all that was left. */
  #message(rule: ValidationRule, program: CompiledRule['messageProgram'], data: Variables): { text: string; isFatal?: boolean } {
    const fallback = { text: rule.message ? rule.message.trim() : `failed rule: ${shown(rule)}` }
    if (program === undefined || typeof program === 'string') return fallback
    let exhausted: string | undefined
    const spend = (cost: number): void =>
      void this.#spend(cost, () => {
        exhausted =
          'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run'
      })
    let text = ''
    try {
      const { value, cost } = program.evaluate(data, { costLimit: PER_CALL_LIMIT })
      spend(cost)
      text = typeof value === 'string' ? value.trim() : ''
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error
      if (error instanceof EvaluationCancelled) {
        this.#budget = -1
        const expression = JSON.stringify(rule.messageExpression)
        exhausted = `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${expression}`
      } else spend(error.cost)
    }
    if (exhausted !== undefined) return { text: exhausted, isFatal: true }
    // A message that can not be shown is none.
    return text === '' || text.includes('\n') || Buffer.byteLength(text) > MESSAGE_BYTES_MAX ? fallback : { text }
  }

  #spend(cost: number, say: (detail: string) => void): boolean {
    this.#budget -= cost
    if (this.#budget >= 0) return true
    say('validation failed due to running out of cost budget, no further validation rules will be run')
    return false
  }
}

/** What an error at the root names as its field. */
const NOWHERE = '<nil>'

function once(ask: () => boolean): () => boolean {
  let known: boolean | undefined
  return () => (known ??= ask())
}

const shown = ({ rule, message }: ValidationRule): string => (message ? message.trim() : rule.trim())

/** Values are shown, but objects and lists, of which `value` is undefined. */
function finding({ reason }: ValidationRule, path: string, value: unknown, detail: string): FieldError {
  switch (reason) {
    case 'FieldValueForbidden':
      return forbid(path, detail)
    case 'FieldValueRequired':
      return required(path, detail)
    case 'FieldValueDuplicate':
      return value === undefined ? { ...duplicateValue(path, null), message: 'Duplicate value' } : duplicateValue(path, value)
    default:
      return value === undefined ? withoutValue(path, detail) : invalidValue(path, value, detail)
  }
}
