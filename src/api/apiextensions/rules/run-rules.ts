import { deepEqual } from '#base'
import { EvaluationCancelled, EvaluationError, PER_CALL_LIMIT, type Program, RUNTIME_COST_BUDGET, type Variables } from '#cel'
import { type FieldError, isObject } from '#meta'
import type { ValidationRule } from '../../generated/types.ts'
import { duplicateValue, forbid, invalidValue, required } from '../../validation/findings.ts'
import { fieldOf, isRuled, type Structural } from '../schema/structural.ts'
import { type Former, formerField, formerItems } from '../schema/validate-value.ts'
import { type CompiledRule, rulesOf } from './compile-rules.ts'

const MESSAGE_LENGTH_MAX = 5 * 1024

/**
 * What the rules of a schema say against a value; `former` is what it was before an update. All of them share one budget. A value may also stand
 * inside an object (`isRoot` is false), as a default does.
 */
export function runRules(value: unknown, schema: Structural, former: Former | undefined, isRoot = true): FieldError[] {
  const run = new Run()
  run.node(value, schema, '', former, isRoot)
  return run.problems
}

class Run {
  readonly problems: FieldError[] = []
  #budget = RUNTIME_COST_BUDGET

  node(value: unknown, node: Structural, path: string, former: Former | undefined, isRoot = false): void {
    if (this.#budget < 0 || value === null || value === undefined || !isRuled(node)) return
    const isUnchanged = former !== undefined && deepEqual(value, former.value)
    for (const rule of rulesOf(node, isRoot)) {
      if (this.#budget < 0) return
      const needsOld = rule.usesOldSelf && !rule.rule.optionalOldSelf
      // What did not change may stay as it is, but for rules about the change.
      if (needsOld ? former === undefined : isUnchanged && !rule.usesOldSelf) continue
      this.#rule(rule, value, node, path, former)
    }
    this.#below(value, node, path, former)
  }

  #below(value: unknown, node: Structural, path: string, former: Former | undefined): void {
    if (Array.isArray(value)) {
      if (node.items === undefined || !isRuled(node.items)) return
      const formerOf = formerItems(node, former)
      for (const [index, item] of value.entries()) this.node(item, node.items, `${path}[${index}]`, formerOf(item))
    } else if (isObject(value)) {
      // The fields of an atomic map are not the same ones after a change.
      const known = node['x-kubernetes-map-type'] === 'atomic' ? undefined : former
      for (const name of Object.keys(value)) {
        const child = fieldOf(node, name)
        if (child !== undefined) this.node(value[name], child, path === '' ? name : `${path}.${name}`, formerField(known, name))
      }
    }
  }

  #rule(
    { rule, program, messageProgram }: CompiledRule,
    value: unknown,
    node: Structural,
    path: string,
    former: Former | undefined,
  ): void {
    const type = node.type ?? ''
    const say = (detail: string): void => void this.problems.push(invalidValue(path, type, detail))
    const data = { self: value, oldSelf: () => former?.value }
    if (typeof program === 'string') say(`rule compile error: ${program}`)
    else if (!this.#holds(program, rule, data, say)) {
      const own = rule.fieldPath?.trim() ?? ''
      const at = path === '' ? own.replace(/^\./, '') : path + own
      this.problems.push(finding(rule, at, type, this.#message(rule, messageProgram, data, say)))
    }
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

  #message(
    rule: ValidationRule,
    program: CompiledRule['messageProgram'],
    data: Variables,
    say: (detail: string) => void,
  ): string {
    const fallback = rule.message?.trim() || `failed rule: ${shown(rule)}`
    if (program === undefined || typeof program === 'string') return fallback
    try {
      const { value, cost } = program.evaluate(data, { costLimit: PER_CALL_LIMIT })
      this.#spend(cost, say)
      const text = typeof value === 'string' ? value.trim() : ''
      // A message that can not be shown is none.
      return text === '' || /[\n\r]/.test(text) || text.length > MESSAGE_LENGTH_MAX ? fallback : text
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error
      this.#spend(error.cost, say)
      return fallback
    }
  }

  #spend(cost: number, say: (detail: string) => void): boolean {
    this.#budget -= cost
    if (this.#budget >= 0) return true
    say('validation failed due to running out of cost budget, no further validation rules will be run')
    return false
  }
}

const shown = ({ rule, message }: ValidationRule): string => message?.trim() || rule.trim()

function finding({ reason }: ValidationRule, path: string, type: string, detail: string): FieldError {
  switch (reason) {
    case 'FieldValueForbidden':
      return forbid(path, detail)
    case 'FieldValueRequired':
      return required(path, detail)
    case 'FieldValueDuplicate':
      return duplicateValue(path, type)
    default:
      return invalidValue(path, type, detail)
  }
}
