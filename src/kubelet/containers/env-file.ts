import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync } from 'node:fs'
import { join } from 'node:path'

/** Of one line, its end not counted (upstream reads lines of at most 64 KiB). */
const LINE_BYTES_MAX = 64 * 1024 - 1
/** The file is the pod's, the memory to read it the node's. No environment is as large as that. */
const FILE_BYTES_MAX = 1024 * 1024
/** On the way to a file, before it is taken for a loop. */
const LINKS_MAX = 255
/** Opens no more than a name: nothing is read, no device starts, no pipe blocks. Node has no constant for it. */
const O_PATH = 0o10000000

/**
 * The value of a key in a file of `KEY='value'` lines
 * (https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-via-file/): values in single quotes, taken literally and over
 * several lines if they like; blank lines and comments between them, and comments behind them. What follows the key is not looked at. Undefined: the file
 * has no such key, or white space where its value should begin, which to a shell is an empty one. Throws a sentence when the file is malformed up to there.
 */
export function valueIn(text: string, key: string): string | undefined {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  for (let index = 0; index < lines.length; index++) {
    const line = withoutIndent(lineAt(lines, index))
    if (line === '' || line.startsWith('#')) continue
    const [name, rest] = nameOf(line, index)
    if (/^[ \t]/.test(rest)) {
      if (name === key) return undefined
      continue
    }
    if (!rest.startsWith("'")) throw malformed(index, 'value must be enclosed in single quotes')
    const { value, last } = quoted(lines, index, rest.slice(1))
    if (name === key) return value
    index = last
  }
  return undefined
}

/** From behind the quote that opens it, in line `first`, to the one that closes it, in line `last`. */
function quoted(lines: readonly string[], first: number, opened: string): { readonly value: string; readonly last: number } {
  const value: string[] = []
  for (let last = first, rest = opened; ; rest = lineAt(lines, last)) {
    const end = rest.indexOf("'")
    if (end !== -1) {
      const after = withoutIndent(rest.slice(end + 1))
      if (after !== '' && !after.startsWith('#')) throw malformed(last, 'unexpected content after closing quote')
      return { value: [...value, rest.slice(0, end)].join('\n'), last }
    }
    value.push(rest)
    if (++last === lines.length) throw malformed(first, 'unclosed single quote')
  }
}

function lineAt(lines: readonly string[], index: number): string {
  const line = lines[index]!
  if (Buffer.byteLength(line) > LINE_BYTES_MAX) throw malformed(index, 'line too long')
  return line.endsWith('\r') ? line.slice(0, -1) : line
}

function nameOf(line: string, index: number): readonly [name: string, rest: string] {
  const equals = line.indexOf('=')
  if (equals === -1) throw malformed(index, "missing '='")
  const name = line.slice(0, equals)
  if (name.trim() === '') throw malformed(index, 'empty variable name')
  if (/[ \t]$/.test(name)) throw malformed(index, "whitespace before '=' is not allowed")
  return [name, line.slice(equals + 1)]
}

const withoutIndent = (line: string): string => line.replace(/^[ \t]+/, '')

const malformed = (index: number, what: string): Error =>
  new Error(`invalid environment variable format at line ${index + 1}: ${what}`)

/**
 * Reads a file of a volume that containers write while this runs. Links lead within the volume only, its root being theirs; each part of the path is opened
 * below the one before it and not followed, so that nobody can put a link in its place meanwhile. Throws when there is no such file, when it is not a
 * regular one, or too large.
 */
export function readInside(root: string, path: string): string {
  const opened: number[] = [openSync(root, O_PATH | constants.O_DIRECTORY)]
  /** Names still to go, the next one last. */
  const ahead = path.split('/').reverse()
  try {
    for (let links = 0; ahead.length > 0; ) {
      const part = ahead.pop()!
      if (part === '' || part === '.') continue
      if (part === '..') {
        if (opened.length > 1) closeSync(opened.pop()!)
        continue
      }
      const below = `/proc/self/fd/${opened.at(-1)}/${part}`
      const next = openSync(below, O_PATH | constants.O_NOFOLLOW)
      if (!fstatSync(next).isSymbolicLink()) {
        opened.push(next)
        continue
      }
      closeSync(next)
      if (++links > LINKS_MAX) throw new Error(`too many links on the way to ${join(root, path)}`)
      const target = readlinkSync(below)
      if (target.startsWith('/')) for (const fd of opened.splice(1)) closeSync(fd)
      ahead.push(...target.split('/').reverse())
    }
    return readRegular(opened.at(-1)!)
  } finally {
    for (const fd of opened) closeSync(fd)
  }
}

function readRegular(opened: number): string {
  const found = fstatSync(opened)
  const { size } = found
  if (!found.isFile()) throw new Error('not a regular file')
  if (size > FILE_BYTES_MAX) throw new Error(`larger than ${FILE_BYTES_MAX} bytes`)
  const fd = openSync(`/proc/self/fd/${opened}`, constants.O_RDONLY)
  try {
    // As large as it was just now: whoever writes it may never stop.
    const bytes = Buffer.alloc(size)
    let length = 0
    for (let read = -1; read !== 0 && length < size; length += read) read = readSync(fd, bytes, length, size - length, length)
    return bytes.toString('utf8', 0, length)
  } finally {
    closeSync(fd)
  }
}
