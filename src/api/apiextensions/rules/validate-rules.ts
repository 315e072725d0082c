import { maxElements, STATIC_ESTIMATED_COST_LIMIT, STATIC_ESTIMATED_CRD_COST_LIMIT } from '#cel'
import { type Findings, forbid, invalidValue } from '../../validation/findings.ts'
import { ruleForm } from '../internal-form.ts'
import { additionalOf, type Structural } from '../schema/structural.ts'
import { celSchema } from './cel-schema.ts'
import { rulesOf } from './compile-rules.ts'

/** Rules that were expensive, as far as upstream names them. */
const MOST_EXPENSIVE_MAX = 4

export interface RulesContext {
  /** A schema that was accepted before keeps rules that are too expensive each. */
  readonly isUnchanged: boolean
  /** Nodes that are wrong themselves, whose rules nobody looks at. */
  isFaulty(node: Structural): boolean
}

/** Compiles every rule of a schema and weighs what it may cost. */
export function validateRules(schema: Structural, path: string, context: RulesContext, found: Findings): void {
  const weigh = new Weighing(context)
  weigh.node(schema, path, { cardinality: 1, uncorrelatable: undefined, isRoot: true }, found)
  weigh.total(path, found)
}

interface Place {
  /** How many such nodes an object may have; undefined where nothing but the size of a request bounds it. */
  readonly cardinality: number | undefined
  /** The part of the schema above, whose old and new items can't be told to be the same. */
  readonly uncorrelatable: string | undefined
  readonly isRoot?: boolean
}

class Weighing {
  readonly #context: RulesContext
  readonly #costs: { readonly path: string; readonly cost: number }[] = []

  constructor(context: RulesContext) {
    this.#context = context
  }

  node(node: Structural, path: string, place: Place, found: Findings): void {
    this.#children(node, path, place, found)
    if (this.#context.isFaulty(node)) return
    const { uncorrelatable } = place
    for (const [index, compiled] of rulesOf(node, place.isRoot === true).entries()) {
      const own = `${path}.x-kubernetes-validations[${index}]`
      const { rule, program, messageProgram, usesOldSelf, maxCost, messageMaxCost } = compiled
      const times = place.cardinality ?? maxElements({ type: 'array', items: celSchema(node) })
      this.#weigh(`${own}.rule`, 'estimated rule cost', maxCost === 0 ? 0 : maxCost * times, found)
      if (typeof program === 'string') found.push(invalidValue(`${own}.rule`, ruleForm(rule), program))
      if (typeof messageProgram === 'string') found.push(invalidValue(`${own}.messageExpression`, ruleForm(rule), messageProgram))
      else if (messageProgram !== undefined)
        this.#weigh(`${own}.messageExpression`, 'estimated messageExpression cost', messageMaxCost, found)
      if (usesOldSelf && uncorrelatable !== undefined) {
        const detail = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`
        found.push(invalidValue(`${own}.rule`, rule.rule, detail))
      } else if (!usesOldSelf && rule.optionalOldSelf !== undefined)
        found.push(invalidValue(`${own}.optionalOldSelf`, rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'))
    }
  }

  #children(node: Structural, path: string, { cardinality, uncorrelatable }: Place, found: Findings): void {
    const many = (max: number | undefined): number | undefined =>
      cardinality === undefined || max === undefined ? undefined : cardinality * max
    const additional = additionalOf(node)
    if (additional !== undefined) {
      const place = { cardinality: many(node.maxProperties), uncorrelatable }
      this.node(additional, `${path}.additionalProperties`, place, found)
    }
    for (const [name, property] of Object.entries(node.properties ?? {}))
      this.node(property, `${path}.properties[${name}]`, { cardinality, uncorrelatable }, found)
    if (node.items === undefined) return
    const inList = node['x-kubernetes-list-type'] === 'map' ? uncorrelatable : (uncorrelatable ?? path)
    this.node(node.items, `${path}.items`, { cardinality: many(node.maxItems), uncorrelatable: inList }, found)
  }

  total(path: string, found: Findings): void {
    const sum = this.#costs.reduce((all, { cost }) => all + cost, 0)
    if (sum <= STATIC_ESTIMATED_CRD_COST_LIMIT) return
    const expensive = this.#costs
      .filter(({ cost }) => cost >= STATIC_ESTIMATED_CRD_COST_LIMIT / 100)
      .sort((a, b) => b.cost - a.cost)
    for (const each of expensive.slice(0, MOST_EXPENSIVE_MAX))
      found.push(forbid(each.path, 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema'))
    const name = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema'
    found.push(forbid(path, exceeds(name, sum, STATIC_ESTIMATED_CRD_COST_LIMIT)))
  }

  #weigh(path: string, name: string, cost: number, found: Findings): void {
    this.#costs.push({ path, cost })
    if (!this.#context.isUnchanged && cost > STATIC_ESTIMATED_COST_LIMIT)
      found.push(forbid(path, exceeds(name, cost, STATIC_ESTIMATED_COST_LIMIT)))
  }
}

function exceeds(name: string, cost: number, limit: number): string {
  const factor = cost / limit
  const shown = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`
  return `${name} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`
}
