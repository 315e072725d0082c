import { EXPRESSION_RETURNS, type MutatingAdmissionPolicy, type Mutation, type ResourceDefinition } from '#api'
import type { Value } from '#cel'
import {
  applyJsonPatch,
  GoForeign,
  internalError,
  type JsonPatchOperation,
  JsonPatchTestFailed,
  type KubernetesObject,
  StructureError,
} from '#meta'
import type { ResourceCatalog } from '../../catalog.ts'
import { requireKind, shownAs, takeBack } from '../convert.ts'
import type { Cel } from '../expression/cel.ts'
import type { Evaluator, Lazily } from '../expression/evaluator.ts'
import type { AdmissionContext, Attributes } from '../types.ts'
import { CompiledPolicy } from './compiled.ts'
import { mergeApplied } from './merge.ts'

export interface CompiledMutation {
  readonly type: 'apply' | 'patch'
  readonly expression: Lazily
}

/** The expressions of a MutatingAdmissionPolicy. */
export class MutatingExpressions extends CompiledPolicy {
  readonly mutations: readonly CompiledMutation[]

  constructor(cel: Cel, { spec = {} }: MutatingAdmissionPolicy) {
    super(cel, spec)
    this.mutations = (spec.mutations ?? []).map((mutation) => this.#compiled(mutation))
  }

  #compiled({ patchType, applyConfiguration, jsonPatch }: Mutation): CompiledMutation {
    const { object, patches } = EXPRESSION_RETURNS
    return patchType === 'JSONPatch'
      ? { type: 'patch', expression: this.expression(jsonPatch?.expression ?? '', { returns: patches, mutation: true }) }
      : { type: 'apply', expression: this.expression(applyConfiguration?.expression ?? '', { returns: object, mutation: true }) }
  }
}

/** Changes the draft. Rejects with what is wrong with the patch, a Status where the patched object can't be read. */
export async function mutate(
  { type, expression }: CompiledMutation,
  evaluator: Evaluator,
  cel: Cel,
  matched: ResourceDefinition,
  attributes: Attributes,
  { catalog }: AdmissionContext,
): Promise<void> {
  const compiled = expression()
  // Of what does not compile nothing is evaluated, and its error stands alone.
  if ('problem' in compiled.program) throw new Error(compiled.program.problem)
  const outcome = await evaluator.evaluate(compiled)
  if ('error' in outcome) throw new Error(outcome.error)
  const { value } = outcome
  const shown = (await shownAs(matched, attributes, attributes.object)) as KubernetesObject
  const mismatch = cel.mutationMismatch(value)
  if (mismatch !== undefined) throw new Error(`type mismatch: ${mismatch}`)
  if (type === 'apply') await apply(cel, value, shown, matched, attributes)
  else await patch(operationsOf(cel, value), shown, matched, attributes, catalog)
}

async function apply(
  cel: Cel,
  value: Value,
  shown: KubernetesObject,
  matched: ResourceDefinition,
  attributes: Attributes,
): Promise<void> {
  const configuration = {
    ...(cel.toJson(value, (each) => foreign(cel, each)) as object),
    apiVersion: shown.apiVersion,
    kind: shown.kind,
  }
  let merged: unknown
  try {
    merged = mergeApplied(shown, configuration, matched.schema())
  } catch (error) {
    throw new Error(`error applying patch: ${(error as Error).message}`, { cause: error })
  }
  try {
    await takeBack(matched, attributes, merged)
  } catch (error) {
    if (!(error instanceof StructureError)) throw error
    const kind = `${matched.group}/${matched.version}, Kind=${matched.kind}`
    throw new Error(`unable to convert unstructured object to ${kind}: ${error.converted}`, { cause: error })
  }
}

/** Values of expressions that no configuration can hold, as they are told. */
function foreign(cel: Cel, value: Value): GoForeign | undefined {
  if (value === null) return new GoForeign('NULL_VALUE', '0', 'structpb.NullValue')
  if (value instanceof cel.Timestamp) {
    const shown = value.toString().replace('T', ' ').replace('Z', ' +0000 UTC')
    return new GoForeign(shown, shown, 'time.Time')
  }
  if (!(value instanceof Uint8Array)) return undefined
  const bytes = [...value].map((byte) => `0x${byte.toString(16)}`)
  return new GoForeign(`[${value.join(' ')}]`, `[]uint8{${bytes.join(', ')}}`, '[]uint8')
}

const KINDS = new Set(['add', 'remove', 'replace', 'move', 'test', 'copy'])

interface Operations {
  readonly operations: readonly JsonPatchOperation[]
  /** What is wrong with the one that comes next, if any. */
  readonly problem: string | undefined
}

/** The operations as far as they are some. What is empty is as good as not said, but for an operation and its path. */
function operationsOf(cel: Cel, value: Value): Operations {
  const operations: JsonPatchOperation[] = []
  for (const { op = '', path = '', from, value: added } of operationsIn(cel, value)) {
    if (!KINDS.has(op)) return { operations, problem: `Unexpected kind: ${op}` }
    if ((op === 'move' || op === 'copy') && !from) {
      const missing = 'operation, missing from field: missing value'
      return { operations, problem: `${op} operation failed to decode from: ${missing}` }
    }
    operations.push({ op, path, ...(from && { from }), value: added ?? null })
  }
  return { operations, problem: undefined }
}

/** Numbers that JSON's readers would round are texts. */
const unrounded = (value: Value): string | undefined =>
  typeof value === 'bigint' && BigInt(Number(value)) !== value ? String(value) : undefined

function operationsIn(cel: Cel, value: Value): readonly Partial<JsonPatchOperation>[] {
  try {
    return cel.toJson(value, unrounded) as readonly Partial<JsonPatchOperation>[]
  } catch (error) {
    const why = `JSONPath valueExpression evaluated to a type that could not marshal to JSON: ${(error as Error).message}`
    throw new Error(why, { cause: error })
  }
}

/** A patch whose test fails changes nothing. */
async function patch(
  { operations, problem }: Operations,
  shown: KubernetesObject,
  matched: ResourceDefinition,
  attributes: Attributes,
  catalog: ResourceCatalog,
): Promise<void> {
  let patched: unknown
  try {
    patched = applyJsonPatch(shown, operations)
    if (problem !== undefined) throw new Error(problem)
  } catch (error) {
    if (error instanceof JsonPatchTestFailed) return
    throw new Error(`JSON Patch: ${(error as Error).message}`, { cause: error })
  }
  requireKind(patched, shown, matched, catalog)
  try {
    await takeBack(matched, attributes, patched, { isStrict: true })
  } catch (error) {
    throw error instanceof StructureError ? internalError(error) : error
  }
}
