import { REGEX_LENGTH_FACTOR, traversal } from '../cost/runtime.ts'
import { declare } from '../types/declarations.ts'
import { list, opaque, optional, string, type Type } from '../types/type.ts'
import { ArrayList } from '../values/list.ts'
import { Opaque } from '../values/opaque.ts'
import { Optional } from '../values/optional.ts'
import { sizeOf } from '../values/size.ts'
import type { Library } from './library.ts'
import { urlProblem } from './urls.ts'

const formatType: Type = opaque('kubernetes.NamedFormat')

type Rule = (text: string) => readonly string[]

/** A rule for strings that has a name. */
class NamedFormat extends Opaque {
  override readonly typeName = 'kubernetes.NamedFormat'
  readonly validate: Rule
  readonly regexSize: number

  constructor({ validate, regexSize }: { validate: Rule; regexSize: number }) {
    super()
    this.validate = validate
    this.regexSize = regexSize
  }
}

const LABEL_RULE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const LABEL_1035_RULE =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
const SUBDOMAIN_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const QUALIFIED_RULE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const LABEL_VALUE_RULE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

// Texts may be long: nothing here backtracks.
const isLabel = (text: string): boolean => text !== '' && !/[^-a-z0-9]/.test(text) && !/^-|-$/.test(text)
const isLabel1035 = (text: string): boolean => isLabel(text) && !/^[0-9]/.test(text)
const isSubdomain = (text: string): boolean => text.split('.').every(isLabel)
const isQualified = (text: string): boolean => text !== '' && !/[^-A-Za-z0-9_.]/.test(text) && !/^[-_.]|[-_.]$/.test(text)
const UUID = /^[a-f0-9]{8}(?:-?[a-f0-9]{4}){3}-?[a-f0-9]{12}$/i
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

const noLongerThan = (max: number, text: string, unit: 'bytes' | 'characters'): readonly string[] =>
  Buffer.byteLength(text) > max ? [`must be no more than ${max} ${unit}`] : []

const bounded =
  (isValid: (text: string) => boolean, max: number, message: string): Rule =>
  (text) => [...noLongerThan(max, text, 'characters'), ...(isValid(text) ? [] : [message])]

/** What something may begin with: upstream looks at an `a` instead of a dash at the end and what stands before it. */
const prefix =
  (rule: Rule): Rule =>
  (text) =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: of one byte
    rule(text.replace(/[\x00-\x7f]-$/, 'a'))

const label: Rule = (text) => [
  ...noLongerThan(63, text, 'characters'),
  ...(isLabel(text) ? [] : [isSubdomain(text) ? 'must not contain dots' : LABEL_RULE]),
]
const label1035 = bounded(isLabel1035, 63, LABEL_1035_RULE)
const subdomain = bounded(isSubdomain, 253, SUBDOMAIN_RULE)

const labelValue: Rule = (text) => [
  ...noLongerThan(63, text, 'bytes'),
  ...(text === '' || isQualified(text) ? [] : [LABEL_VALUE_RULE]),
]

const qualifiedName: Rule = (text) => {
  const parts = text.split('/')
  if (parts.length > 2)
    return [`a valid label key ${QUALIFIED_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]
  const [name, domain] = [parts.at(-1)!, parts.at(-2)]
  const ofDomain =
    domain === undefined
      ? []
      : domain === ''
        ? ['must be non-empty']
        : [...noLongerThan(253, domain, 'bytes'), ...(isSubdomain(domain) ? [] : [SUBDOMAIN_RULE])]
  const ofName = [
    ...(name === '' ? ['must be non-empty'] : noLongerThan(63, name, 'bytes')),
    ...(isQualified(name) ? [] : [QUALIFIED_RULE]),
  ]
  return [...ofDomain.map((problem) => `prefix part ${problem}`), ...ofName.map((problem) => `name part ${problem}`)]
}

function isDate(text: string): boolean {
  const [year, month, day] = (/^(\d{4})-(\d{2})-(\d{2})$/.exec(text)?.slice(1).map(Number) ?? []) as [number?, number?, number?]
  if (year === undefined || month === undefined || day === undefined) return false
  // Leap years come again every 400 years, and the first century is none to Date.
  const date = new Date(Date.UTC(2000 + (year % 400), month - 1, day))
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day
}

/** A date and a time, and whatever follows behind another `t`. */
function isDateTime(text: string): boolean {
  const [date = '', time = ''] = text.toLowerCase().split('t')
  const match = /^(\d{2}):(\d{2}):(\d{2})(?:[^\n]\d+)?(?:z|[+-]\d{2}:\d{2})$/u.exec(time)
  if (match === null) return false
  const [, hour = '', minute = '', second = ''] = match
  return isDate(date) && hour <= '23' && minute <= '59' && second <= '59'
}

const either =
  (isValid: (text: string) => boolean, message: string): Rule =>
  (text) =>
    isValid(text) ? [] : [message]

/** Each with the length of upstream's pattern, which its cost goes by. */
const RULES: Readonly<Record<string, readonly [Rule, number]>> = {
  dns1123Label: [label, 30],
  dns1123Subdomain: [subdomain, 60],
  dns1035Label: [label1035, 30],
  qualifiedName: [qualifiedName, 60],
  dns1123LabelPrefix: [prefix(label), 30],
  dns1123SubdomainPrefix: [prefix(subdomain), 60],
  dns1035LabelPrefix: [prefix(label1035), 30],
  labelValue: [labelValue, 40],
  uri: [(text) => [urlProblem(text)].filter((problem) => problem !== undefined), 1103],
  uuid: [either((text) => UUID.test(text), 'does not match the UUID format'), 70],
  byte: [either((text) => text !== '' && BASE64.test(text), 'invalid base64'), 84],
  date: [either(isDate, 'invalid date'), 69],
  datetime: [either(isDateTime, 'invalid datetime'), 69],
}

const formats = new Map(
  Object.entries(RULES).map(([name, [validate, regexSize]]) => [name, new NamedFormat({ validate, regexSize })]),
)

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-format-library */
export const formatLibrary: Library = {
  name: 'format',
  types: { 'kubernetes.NamedFormat': formatType },
  costs: {
    'format-validate': {
      // What is no format is refused at the price of any call.
      ofArguments: ([format, text]) =>
        format instanceof NamedFormat ? traversal(sizeOf(text!) + 1) * Math.ceil(format.regexSize * REGEX_LENGTH_FACTOR) : 1,
    },
  },
  functions: [
    declare('format.named', {
      functions: [['format-named', [string], optional(formatType), (name) => Optional.of(formats.get(name as string))]],
    }),
    ...[...formats].map(([name, format]) =>
      declare(`format.${name}`, { functions: [[`format.${name}`, [], formatType, () => format]] }),
    ),
    declare('validate', {
      members: [
        [
          'format-validate',
          [formatType, string],
          optional(list(string)),
          (format, text) => {
            const problems = (format as NamedFormat).validate(text as string)
            return problems.length === 0 ? Optional.none : Optional.of(new ArrayList([...problems]))
          },
        ],
      ],
    }),
  ],
}
