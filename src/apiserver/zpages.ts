import type { Clock, Random } from '#base'
import type { TransportRequest, TransportResponse } from '#client'
import { formatTime, printYaml } from '#meta'
import { matches, notAcceptable, parseAccept, wantsPretty } from './presentation/negotiate.ts'
import { replyPlain } from './response.ts'
import { versionInfo } from './version.ts'

const COMPONENT = 'apiserver'
const GROUP = 'config.k8s.io'
const VERSIONS = ['v1beta1', 'v1alpha1'] as const
const DEPRECATED: readonly string[] = ['v1alpha1']
const [JSON_TYPE, YAML_TYPE, TEXT_TYPE] = ['application/json', 'application/yaml', 'text/plain']
const TYPES = [JSON_TYPE, YAML_TYPE, TEXT_TYPE]

/** So that nobody takes the text apart: who wants to read it by program asks for the structured form. */
const SEPARATORS = [':', ': ', '=', ' ']
const WARNING =
  'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.'

/** A page about the server itself, for people and in structured form (KEP-4827, KEP-4828). */
export interface Zpage {
  readonly name: 'statusz' | 'flagz'
  readonly kind: 'Statusz' | 'Flagz'
  /** Of the structured form, beside what it is. */
  fields(): Readonly<Record<string, unknown>>
  /** Below the heading. */
  lines(separator: string): readonly string[]
}

/** What is asked for: text, or one version of the structured form. */
interface Asked {
  readonly mediaType: string
  readonly version: string
  readonly pretty: boolean
}

export interface ServedZpage {
  readonly response: TransportResponse
  /** Of the structured form; '' for text. */
  readonly version: string
  readonly isDeprecated: boolean
}

/** Throws 406, for only who names the group, version and kind gets the structured form. */
export async function serveZpage(page: Zpage, request: TransportRequest, random: Random): Promise<ServedZpage> {
  const { mediaType, version, pretty } = askedOf(page, request)
  if (mediaType === TEXT_TYPE) {
    const separator = SEPARATORS[random.int(SEPARATORS.length)]!
    const text = [`\n${COMPONENT} ${page.name}`, WARNING, ...page.lines(separator), ''].join('\n')
    return { response: replyPlain(text), version: '', isDeprecated: false }
  }
  const object = { kind: page.kind, apiVersion: `${GROUP}/${version}`, metadata: { name: COMPONENT }, ...page.fields() }
  const text =
    mediaType === YAML_TYPE ? await printYaml(object) : pretty ? JSON.stringify(object, null, 2) : `${JSON.stringify(object)}\n`
  const contentType = `${mediaType};g=${GROUP};v=${version};as=${page.kind}`
  const isDeprecated = DEPRECATED.includes(version)
  const warning = `299 - "This version of the ${page.name} endpoint is deprecated. Please use a newer version."`
  const headers = { 'content-type': contentType, ...(isDeprecated && { warning }) }
  return { response: { status: 200, headers, body: { kind: 'bytes', bytes: Buffer.from(text) } }, version, isDeprecated }
}

function askedOf({ kind }: Zpage, { headers, query }: TransportRequest): Asked {
  const accept = headers?.['accept'] ?? ''
  if (accept.trim() === '') return { mediaType: TEXT_TYPE, version: '', pretty: false }
  for (const clause of parseAccept(accept)) {
    for (const mediaType of TYPES.filter((type) => matches(clause, type))) {
      const { parameters } = clause
      if (parameters.get('stream') || parameters.get('sv')) continue
      const isTransformed = ['as', 'g', 'v'].some((name) => parameters.has(name))
      const version = VERSIONS.find((each) => each === parameters.get('v'))
      if (mediaType === TEXT_TYPE) {
        if (!isTransformed) return { mediaType, version: '', pretty: false }
      } else if (version !== undefined && parameters.get('g') === GROUP && parameters.get('as') === kind) {
        const pretty = parameters.get('pretty') === '1' || wantsPretty(query, headers?.['user-agent'])
        return { mediaType, version, pretty }
      }
    }
  }
  throw notAcceptable(TYPES)
}

/** Paths whose beginnings tell nothing of the server. */
const OF_THE_API: readonly string[] = ['apis', 'api', 'openid', 'openapi', '.well-known']

export interface StatusOptions {
  readonly clock: Clock
  /** Of the clock, in milliseconds. */
  readonly startedAtMs: number
  readonly paths: () => readonly string[]
}

/** Since when it runs, and what it is. */
export function statusz({ clock, startedAtMs, paths }: StatusOptions): Zpage {
  const startSeconds = Math.floor(startedAtMs / 1000)
  const upSeconds = (): number => Math.max(0, Math.floor(clock.now() / 1000 - startSeconds))
  const folders = (): string[] =>
    [...new Set(paths().map((path) => path.split('/')[1] ?? ''))]
      .filter((folder) => folder !== '' && !OF_THE_API.includes(folder))
      .map((folder) => `/${folder}`)
      .sort()
  return {
    name: 'statusz',
    kind: 'Statusz',
    fields() {
      const { goVersion, major, minor, emulationMajor, emulationMinor } = versionInfo()
      return {
        startTime: formatTime(startSeconds * 1000),
        uptimeSeconds: upSeconds(),
        goVersion,
        binaryVersion: `${major}.${minor}`,
        emulationVersion: `${emulationMajor}.${emulationMinor}`,
        paths: folders(),
      }
    },
    lines(separator) {
      const { goVersion, major, minor, emulationMajor, emulationMinor } = versionInfo()
      const facts = [
        ['Started', unixDate(startSeconds * 1000)],
        ['Up', printUptime(upSeconds())],
        ['Go version', goVersion],
        ['Binary version', `${major}.${minor}`],
        ['Emulation version', `${emulationMajor}.${emulationMinor}`],
        ['Paths', folders().join(' ')],
      ] as const
      return ['', ...facts.map(([name, value]) => `${name}${separator} ${value}`)]
    },
  }
}

/** What the server was told when it was started, by the names of upstream's flags. */
export function flagz(flags: Readonly<Record<string, string>>): Zpage {
  const sorted = Object.entries(flags).sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    name: 'flagz',
    kind: 'Flagz',
    fields: () => ({ flags: Object.fromEntries(sorted) }),
    lines: (separator) => sorted.map(([name, value]) => `${name}${separator}${value}`),
  }
}

const two = (value: number): string => String(value).padStart(2, '0')

const printUptime = (seconds: number): string =>
  `${Math.floor(seconds / 3600)} hr ${two(Math.floor(seconds / 60) % 60)} min ${two(seconds % 60)} sec`

/** `Fri Nov 27 18:07:03 UTC 2026`, as `date` says it. */
function unixDate(ms: number): string {
  const [day = '', date = '', month = '', year = '', time = ''] = new Date(ms).toUTCString().replace(',', '').split(' ')
  return `${day} ${month} ${String(Number(date)).padStart(2)} ${time} UTC ${year}`
}
