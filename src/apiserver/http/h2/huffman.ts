/** What ends a string, and is never sent. */
const END = 256

/**
 * Bits of the code of each byte, and of the end (RFC 7541, appendix B). The code is canonical: among codes of one length, and from one length to the next, they count
 * upwards, so the lengths say everything.
 */
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22,
  23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22,
  21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26,
  27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26,
  26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
]

/** A string is read four bits at a time: no code is shorter than five, so each step yields one byte at most. */
const STEP_BITS = 4
const STEPS = 1 << STEP_BITS
/** A string is filled up to a whole byte with the beginning of the end's code, which is all ones. */
const PADDING_BITS_MAX = 7
const FAILED = 0xff_ff

/**
 * A state is an inner node of the code's tree, 0 its root. For each state and the next four bits: the state after them, and the byte that they complete plus one, or 0.
 *
 *     NEXT[state << 4 | bits], BYTE[state << 4 | bits]
 */
const NODES = END
const NEXT = new Uint16Array(NODES << STEP_BITS)
const BYTE = new Uint16Array(NODES << STEP_BITS)
/** Where a string may end. */
const IS_END = new Uint8Array(NODES)
buildTables()

let scratch = Buffer.alloc(0)

/** The text of a string between two places, a character a byte; undefined when it is none. It is at most 1.6 times as long. */
export function decodeHuffman(source: Uint8Array, from: number, to: number): string | undefined {
  const longest = Math.ceil(((to - from) * 8) / 5)
  if (scratch.length < longest) scratch = Buffer.allocUnsafeSlow(Math.max(longest, 1_024))
  const target = scratch
  let [state, length] = [0, 0]
  for (let at = from; at < to; at++) {
    const byte = source[at]!
    for (let shift = STEP_BITS; shift >= 0; shift -= STEP_BITS) {
      const step = (state << STEP_BITS) | ((byte >> shift) & (STEPS - 1))
      state = NEXT[step]!
      if (state === FAILED) return undefined
      const completed = BYTE[step]!
      if (completed !== 0) target[length++] = completed - 1
    }
  }
  return IS_END[state] === 1 ? target.toString('latin1', 0, length) : undefined
}

/** Children of each inner node: another one, or a symbol as -1 - symbol. */
function treeOf(lengths: readonly number[]): (readonly [number, number])[] {
  const nodes: [number, number][] = [[Number.NaN, Number.NaN]]
  const symbols = lengths.map((_, symbol) => symbol).sort((a, b) => lengths[a]! - lengths[b]! || a - b)
  let [code, previous] = [0, 0]
  for (const symbol of symbols) {
    const length = lengths[symbol]!
    code <<= length - previous
    previous = length
    let node = 0
    for (let bit = length - 1; bit > 0; bit--) {
      const side = (code >> bit) & 1
      if (Number.isNaN(nodes[node]![side])) nodes[node]![side] = nodes.push([Number.NaN, Number.NaN]) - 1
      node = nodes[node]![side]!
    }
    nodes[node]![code & 1] = -1 - symbol
    code++
  }
  return nodes
}

function buildTables(): void {
  const tree = treeOf(LENGTHS)
  for (let state = 0; state < NODES; state++) {
    for (let bits = 0; bits < STEPS; bits++) {
      let [node, byte] = [state, 0]
      for (let bit = STEP_BITS - 1; bit >= 0 && node !== FAILED; bit--) {
        const child = tree[node]![(bits >> bit) & 1]!
        if (child >= 0) node = child
        else if (child === -1 - END) node = FAILED
        else [node, byte] = [0, -child]
      }
      NEXT[(state << STEP_BITS) | bits] = node
      BYTE[(state << STEP_BITS) | bits] = byte
    }
  }
  for (let [node, bits] = [0, 0]; bits <= PADDING_BITS_MAX; bits++, node = tree[node]![1]!) IS_END[node] = 1
}
