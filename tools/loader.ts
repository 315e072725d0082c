/**
 * Loads the chunks of the bundle, which `tools/bundle.ts` puts beside this file, with the code that V8 made of them in an earlier process: compiling was a quarter of
 * what a start takes. Node's own compile cache keeps what the first process had compiled, be it one that only printed a status, and is the whole process's; this one is
 * of nobody else's modules, and keeps what a running API server has used. Code is kept by V8's version below `code`; code of another Node, or of other text, is not used.
 */
// Imported, a built-in module is loaded to its last part.
const { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } = process.getBuiltinModule('node:fs')
const { createRequire } = process.getBuiltinModule('node:module')
const { join } = process.getBuiltinModule('node:path')
const { cachedDataVersionTag } = process.getBuiltinModule('node:v8')
const { Script } = process.getBuiltinModule('node:vm')
const { crc32 } = process.getBuiltinModule('node:zlib')

const HERE = import.meta.dirname
const CODE = join(HERE, 'code', `${process.arch}-${cachedDataVersionTag().toString(16)}`)
/** A chunk that only a process with an API server loads: only such a process has compiled what a start needs. */
const SERVING = /^listener\b/
const KEEP_AFTER_MS = 2_000
const CHECKSUM_BYTES = 4

interface Chunk {
  readonly exports: object
}

const require = createRequire(import.meta.url)
const chunks = new Map<string, Chunk>()
const uncached = new Map<string, { readonly script: InstanceType<typeof Script>; readonly text: Buffer }>()

/** What the chunk `name` exports; it runs once. */
export function load(name: string): object {
  const known = chunks.get(name)
  if (known !== undefined) return known.exports
  const chunk: Chunk = { exports: {} }
  chunks.set(name, chunk)
  const filename = join(HERE, name)
  const text = readFileSync(filename)
  // The bundle is ASCII, see there.
  const source = `(function (exports, require, module, __filename, __dirname) {${text.toString('latin1')}\n})`
  const cachedData = readCode(name, text)
  const script = new Script(source, { filename, cachedData })
  if (cachedData === undefined || script.cachedDataRejected === true) uncached.set(name, { script, text })
  const run = script.runInThisContext() as (...parameters: unknown[]) => void
  run.call(chunk.exports, chunk.exports, requireFromChunk, chunk, filename, HERE)
  return chunk.exports
}

function requireFromChunk(id: string): unknown {
  return id.startsWith('./') ? load(id.slice('./'.length)) : require(id)
}

function readCode(name: string, text: Buffer): Buffer | undefined {
  try {
    const file = readFileSync(join(CODE, name))
    const code = file.subarray(0, -CHECKSUM_BYTES)
    return file.readUInt32LE(code.length) === checksum(code, text) ? code : undefined
  } catch {
    return undefined
  }
}

/** V8 itself compares no more of the text than its length, and trusts the code. */
function checksum(code: Buffer, text: Buffer): number {
  return crc32(code, crc32(text))
}

/** Keeps the code of chunks that had none, for the processes after this one. Where nothing may be written, nothing is. */
function keepCode(): void {
  if (uncached.size === 0 || ![...chunks.keys()].some((name) => SERVING.test(name))) return
  try {
    // What root writes into the folder of a user, that user could not remove.
    if (statSync(HERE).uid !== process.geteuid?.()) return
    mkdirSync(CODE, { recursive: true })
    for (const [name, { script, text }] of uncached) {
      const code = script.createCachedData()
      const file = Buffer.alloc(code.length + CHECKSUM_BYTES)
      code.copy(file)
      file.writeUInt32LE(checksum(code, text), code.length)
      const unfinished = join(CODE, `${name}.${process.pid}`)
      writeFileSync(unfinished, file)
      renameSync(unfinished, join(CODE, name))
    }
  } catch {
    // A start without it only takes longer.
  }
  uncached.clear()
}

// Later, what only the start used may be gone from memory.
setTimeout(keepCode, KEEP_AFTER_MS).unref()
process.once('exit', keepCode)
