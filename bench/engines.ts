/**
 * Which engine below the index loses nothing, and what does a create cost with it? The same for each candidate: ends by `kill -9` under concurrent writes; a last write
 * of which the disk has some sectors and not others; bits that change and files that are cut off afterwards. Whatever was acknowledged must be there unchanged, or the
 * engine must refuse to start: what is lost or changed without a word is counted as such.
 * Usage: node --conditions=source bench/engines.ts [--full] [--lmdb DIRECTORY]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Random, seededRandom } from '#base'
import { type EngineDefinition, EXPECTED, engines, missing, valueFor } from './store/engines.ts'

const full = process.argv.includes('--full')
const lmdbDirectory = process.argv.includes('--lmdb') ? process.argv[process.argv.indexOf('--lmdb') + 1] : undefined
const KILLS = full ? 30 : 3
const DAMAGES = full ? 30 : 3
const ROUND_MS = full ? 1_000 : 100
const WRITERS = 16
const SECTOR_BYTES = 512
const PROGRAM = join(import.meta.dirname, 'store/engine-process.ts')

/** What became of what was acknowledged. */
interface Outcome {
  whole: number
  refused: number
  silent: number
  /** The process ended. */
  crashed: number
}

function nothing(): Outcome {
  return { whole: 0, refused: 0, silent: 0, crashed: 0 }
}

const root = mkdtempSync(join(tmpdir(), 't8s-engines-'))
try {
  for (const engine of engines(lmdbDirectory)) await examine(engine)
} finally {
  rmSync(root, { recursive: true })
}

async function examine(engine: EngineDefinition): Promise<void> {
  const random = seededRandom(5)
  const say = (what: string, figures: string): void =>
    void process.stdout.write(`${engine.name}: ${what.padEnd(44)} ${figures}\n`)
  for (const writers of [1, 16, 128, 1_024]) say(`${writers} writers`, await latencies(engine, writers))
  say(`kill -9 under ${WRITERS} writers`, await kills(engine, random))
  const states = await twoStates(engine)
  const trials: Record<string, () => Outcome | Promise<Outcome>> = {
    'a last write with some of its sectors': () => torn(engine, states, random),
    'a bit that changed': () => damaged(engine, states, (bytes) => flip(bytes, random)),
    'a sector that became zeros': () => damaged(engine, states, (bytes) => blank(bytes, random)),
    'a file that was cut off': () => damaged(engine, states, (bytes) => bytes.subarray(0, random.int(bytes.length))),
  }
  for (const [what, trial] of Object.entries(trials)) say(what, told(await trial()))
}

function told({ whole, refused, silent, crashed }: Outcome): string {
  const times = whole + refused + silent + crashed
  return `${times} times: ${whole} all there, ${refused} refused, ${silent} lost or changed in silence, ${crashed} crashed`
}

async function latencies(definition: EngineDefinition, writers: number): Promise<string> {
  const directory = join(root, `${definition.name}-${writers}`)
  const timesMs: number[] = []
  await using engine = await definition.open(directory)
  const startMs = performance.now()
  let next = 0
  const write = async (): Promise<void> => {
    while (performance.now() - startMs < ROUND_MS) {
      const key = `/registry/pods/default/web-${next++}`
      const sentMs = performance.now()
      await engine.put(key, valueFor(key))
      timesMs.push(performance.now() - sentMs)
    }
  }
  await Promise.all(Array.from({ length: writers }, write))
  const perSecond = (timesMs.length / (performance.now() - startMs)) * 1_000
  timesMs.sort((a, b) => a - b)
  const at = (share: number): string => timesMs[Math.floor(share * (timesMs.length - 1))]!.toFixed(2)
  return `${perSecond.toFixed(0)}/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`
}

/** One directory, killed again and again: each start must show all that was acknowledged in all rounds. */
async function kills(definition: EngineDefinition, random: Random): Promise<string> {
  const directory = join(root, `${definition.name}-kills`)
  const acknowledged = new Set<string>()
  let lost = 0
  for (let round = 0; round < KILLS; round++) {
    const words = ['write', definition.name, directory, lmdbDirectory ?? '', String(WRITERS), String(round * 1_000_000)]
    const child = spawn(process.execPath, [...process.execArgv, PROGRAM, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
    const closed = once(child, 'close')
    await Promise.race([once(child.stdout, 'data'), closed])
    await pause(random.int(60))
    child.kill('SIGKILL')
    await closed
    if (said === '') throw new Error(`${definition.name} acknowledged nothing`)
    // The last line may be cut off.
    for (const key of said.split('\n').slice(0, -1)) acknowledged.add(key)
    await using engine = await definition.open(directory)
    lost += missing(await engine.all(), acknowledged)
  }
  return `${KILLS} rounds, ${acknowledged.size} acknowledged writes, ${lost} lost`
}

type Files = ReadonlyMap<string, Buffer>

/** The disk before and after the last of some writes, with nothing under way. */
interface States {
  readonly before: Files
  readonly after: Files
  readonly keysBefore: readonly string[]
  readonly keysAfter: readonly string[]
}

async function twoStates(definition: EngineDefinition): Promise<States> {
  const directory = join(root, `${definition.name}-states`)
  await using engine = await definition.open(directory)
  const keys = Array.from({ length: 200 }, (_, at) => `/registry/pods/default/web-${at}`)
  for (const key of keys) await engine.put(key, valueFor(key))
  const before = filesOf(definition, directory)
  const last = Array.from({ length: 8 }, (_, at) => `/registry/pods/default/last-${at}`)
  await Promise.all(last.map((key) => engine.put(key, valueFor(key))))
  return { before, after: filesOf(definition, directory), keysBefore: keys, keysAfter: [...keys, ...last] }
}

function filesOf({ files }: EngineDefinition, directory: string): Files {
  const names = readdirSync(directory).filter((name) => files.test(name))
  return new Map(names.map((name) => [name, readFileSync(join(directory, name))]))
}

/** As after a cut of power before the last write was acknowledged. */
async function torn(definition: EngineDefinition, { before, after, keysBefore }: States, random: Random): Promise<Outcome> {
  const outcome = nothing()
  for (let trial = 0; trial < DAMAGES; trial++) {
    const files = new Map([...after].map(([name, bytes]) => [name, mixed(before.get(name) ?? Buffer.alloc(0), bytes, random)]))
    outcome[await opened(definition, files, keysBefore)]++
  }
  return outcome
}

async function damaged(
  definition: EngineDefinition,
  { after, keysAfter }: States,
  damage: (bytes: Buffer) => Buffer | undefined,
): Promise<Outcome> {
  const outcome = nothing()
  // Files in turn, and only where something is written.
  const written = [...after].filter(([, bytes]) => bytes.some((byte) => byte !== 0))
  for (let trial = 0; trial < DAMAGES; trial++) {
    const [name, bytes] = written[trial % written.length]!
    outcome[await opened(definition, new Map(after).set(name, damage(Buffer.from(used(bytes)))!), keysAfter)]++
  }
  return outcome
}

/** A file ends anywhere in the zeros that were written ahead; damage there is none. */
function used(bytes: Buffer): Buffer {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  return bytes.subarray(0, end)
}

/** In a process of its own, which what is damaged may end. */
async function opened({ name }: EngineDefinition, files: Files, keys: readonly string[]): Promise<keyof Outcome> {
  const directory = mkdtempSync(join(root, 'damaged-'))
  try {
    for (const [file, bytes] of files) writeFileSync(join(directory, file), bytes)
    writeFileSync(join(directory, EXPECTED), keys.join('\n'))
    const child = spawn(process.execPath, [...process.execArgv, PROGRAM, 'check', name, directory, lmdbDirectory ?? ''], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const said: Buffer[] = []
    child.stdout.on('data', (bytes: Buffer) => said.push(bytes))
    const [code] = (await once(child, 'close')) as [number | null]
    if (code !== 0) return code === null || said.length > 0 ? 'crashed' : 'refused'
    return Buffer.concat(said).toString() === '0\n' ? 'whole' : 'silent'
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function mixed(before: Buffer, after: Buffer, random: Random): Buffer {
  const result = Buffer.from(after)
  for (let at = 0; at < after.length; at += SECTOR_BYTES) {
    const end = Math.min(after.length, at + SECTOR_BYTES)
    const old = Buffer.concat([before.subarray(at, end)], end - at)
    if (!old.equals(after.subarray(at, end)) && random.int(2) === 0) old.copy(result, at)
  }
  return result
}

function flip(bytes: Buffer, random: Random): Buffer {
  bytes[random.int(bytes.length)]! ^= 1 << random.int(8)
  return bytes
}

function blank(bytes: Buffer, random: Random): Buffer {
  const at = random.int(Math.ceil(bytes.length / SECTOR_BYTES)) * SECTOR_BYTES
  return bytes.fill(0, at, Math.min(bytes.length, at + SECTOR_BYTES))
}
