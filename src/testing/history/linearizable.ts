import { type Answer, isWrite, type Moment, type Operation, type Write } from './history.ts'

/** What one operation says of one key, without revisions: values alone. */
interface Step {
  readonly operation: Operation
  readonly askedAt: Moment
  readonly answeredAt: Moment
  /** The value that must be there; `absent`, or undefined: any but `not`. */
  readonly is: string | undefined
  readonly not: string | undefined
  /** What is there afterwards, when it is a write that was done or may have been. */
  readonly to: string | undefined
  /** It may never have had an effect. */
  readonly isOptional: boolean
}

/** No value: values are words of the test. */
const ABSENT = '\0absent'

/** A call or a return in the order of moments; a doubly linked list that calls are lifted out of as they are put in order. */
interface Node {
  readonly step: number
  readonly isCall: boolean
  readonly at: Moment
  match: Node | undefined
  before: Node | undefined
  after: Node | undefined
}

/**
 * Whether some order of the operations on one key explains every answer, each taking effect at one instant between its question and its answer: the search of
 * Wing and Gong with Lowe's memory of what was tried (J. M. Wing, C. Gong, "Testing and verifying concurrent objects", 1993; G. Lowe, "Testing for
 * linearizability", 2017), as Porcupine and Knossos do it. Revisions are not looked at. An operation without an answer may take effect at any time
 * after its question, or never.
 */
export function isLinearizable(key: string, operations: readonly Operation[]): boolean {
  const steps = operations.flatMap((operation) => stepOf(key, operation) ?? [])
  let open = steps.filter(({ isOptional }) => !isOptional).length
  const head = listOf(steps)
  const tried = new Set<string>()
  const done: { readonly node: Node; readonly state: string }[] = []
  let state = ABSENT
  let set = 0n
  let node = head.after
  while (open > 0) {
    if (node?.isCall) {
      const step = steps[node.step]!
      const next = apply(step, state)
      const nextSet = set | (1n << BigInt(node.step))
      const mark = next === undefined ? '' : `${nextSet.toString(16)} ${next}`
      if (next !== undefined && !tried.has(mark)) {
        tried.add(mark)
        done.push({ node, state })
        state = next
        set = nextSet
        if (!step.isOptional) open--
        lift(node)
        node = head.after
      } else node = node.after
      continue
    }
    // The return of an operation that no order puts before it, or the end: the last choice was wrong.
    const last = done.pop()
    if (last === undefined) return false
    state = last.state
    set &= ~(1n << BigInt(last.node.step))
    if (!steps[last.node.step]!.isOptional) open++
    unlift(last.node)
    node = last.node.after
  }
  return true
}

function stepOf(key: string, operation: Operation): Step | undefined {
  const { action, answer, askedAt, answeredAt } = operation
  const times = { operation, askedAt, answeredAt }
  if (isWrite(action)) return action.key === key ? writeStep(action, answer, times) : undefined
  if (answer.type !== 'read' || action.freshness !== 'latest') return undefined
  if (action.type === 'get' ? action.key !== key : !key.startsWith(action.prefix)) return undefined
  const found = answer.entries.find((entry) => entry.key === key)?.value ?? ABSENT
  return { ...times, is: found, not: undefined, to: undefined, isOptional: false }
}

function writeStep(action: Write, answer: Answer, times: Pick<Step, 'operation' | 'askedAt' | 'answeredAt'>): Step | undefined {
  const from = action.from?.value ?? ABSENT
  const to = action.type === 'put' ? action.value : ABSENT
  switch (answer.type) {
    case 'done':
      return { ...times, is: from, not: undefined, to, isOptional: false }
    case 'unknown':
      return { ...times, is: from, not: undefined, to, isOptional: true }
    case 'refused': {
      const { current } = answer
      const is = current === null ? ABSENT : current?.value
      return { ...times, is, not: from, to: undefined, isOptional: false }
    }
    case 'failed':
    case 'read':
      return undefined
  }
}

/** The state after the step, or undefined when it can't be taken in this one. */
function apply({ is, not, to }: Step, state: string): string | undefined {
  if (is !== undefined && is !== state) return undefined
  if (not === state) return undefined
  return to ?? state
}

function listOf(steps: readonly Step[]): Node {
  const nodes: Node[] = []
  for (const [index, { askedAt, answeredAt, isOptional }] of steps.entries()) {
    const link = { before: undefined, after: undefined }
    const call: Node = { step: index, isCall: true, at: askedAt, match: undefined, ...link }
    nodes.push(call)
    // What may have no effect must not be in order by any time.
    if (isOptional) continue
    call.match = { step: index, isCall: false, at: answeredAt, match: undefined, ...link }
    nodes.push(call.match)
  }
  nodes.sort((a, b) => a.at - b.at)
  const head: Node = { step: -1, isCall: false, at: 0, match: undefined, before: undefined, after: nodes[0] }
  for (const [index, node] of nodes.entries()) {
    node.before = nodes[index - 1] ?? head
    node.after = nodes[index + 1]
  }
  return head
}

function lift(call: Node): void {
  for (const node of [call, call.match]) {
    if (node === undefined) continue
    node.before!.after = node.after
    if (node.after !== undefined) node.after.before = node.before
  }
}

/** In the reverse order of `lift`: what was next to a node is there again when it comes back. */
function unlift(call: Node): void {
  for (const node of [call.match, call]) {
    if (node === undefined) continue
    node.before!.after = node
    if (node.after !== undefined) node.after.before = node
  }
}
