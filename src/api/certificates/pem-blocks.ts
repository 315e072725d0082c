/** One armoured part of a PEM text. */
export interface PemBlock {
  /** `CERTIFICATE` */
  readonly type: string
  readonly hasHeaders: boolean
  readonly bytes: Buffer
}

const BEGIN = /^-----BEGIN ([^\n]*)-----$/
const HEADER = /^[^:]+:/
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/** The blocks of a PEM text in their order, in time linear in it; what stands between them, and what only looks like one, is passed over. */
export function* pemBlocks(text: string): Iterable<PemBlock> {
  let open: { readonly type: string; readonly lines: string[] } | undefined
  for (const raw of text.split('\n')) {
    const line = raw.trimEnd()
    const type = BEGIN.exec(line)?.[1]
    if (type !== undefined) open = { type, lines: [] }
    else if (open !== undefined && line === `-----END ${open.type}-----`) {
      const block = blockOf(open.type, open.lines)
      if (block !== undefined) yield block
      open = undefined
    } else open?.lines.push(line)
  }
}

function blockOf(type: string, lines: readonly string[]): PemBlock | undefined {
  const headers = lines.findIndex((line) => !HEADER.test(line))
  const body = lines.slice(Math.max(headers, 0)).join('').replaceAll(/\s/g, '')
  if (!BASE64.test(body)) return undefined
  return { type, hasHeaders: headers > 0, bytes: Buffer.from(body, 'base64') }
}
