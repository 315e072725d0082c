import { REGEX_LENGTH_FACTOR, traversal } from '../cost/runtime.ts'
import { declare } from '../types/declarations.ts'
import { list, opaque, optional, string, type Type } from '../types/type.ts'
import { Failure } from '../values/failure.ts'
import { ArrayList } from '../values/list.ts'
import { Opaque } from '../values/opaque.ts'
import { Optional } from '../values/optional.ts'
import { sizeOf } from '../values/size.ts'
import { parseTimestamp } from '../values/timestamp.ts'
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

const LABEL = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/
const LABEL_1035 = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/
const QUALIFIED_PART = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/
const LABEL_VALUE = /^(?:(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/
const UUID = /^(?:[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}|[a-f0-9]{32})$/i
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

const bounded = (pattern: RegExp, max: number, message: string): Rule => {
  return (text) => [
    ...(text.length > max ? [`must be no more than ${max} characters`] : []),
    // No name is longer, so the pattern never sees a long text.
    ...(text.length > max * 4 || !pattern.test(text) ? [message] : []),
  ]
}

/** What something may begin with: a dash at the end will not be the end. */
const prefix =
  (rule: Rule): Rule =>
  (text) =>
    rule(text.replace(/-$/, 'a'))

const label = bounded(LABEL, 63, LABEL_RULE)
const label1035 = bounded(LABEL_1035, 63, LABEL_1035_RULE)
const subdomain = bounded(SUBDOMAIN, 253, SUBDOMAIN_RULE)

const qualifiedName: Rule = (text) => {
  const parts = text.split('/')
  if (parts.length > 2)
    return [`a qualified name ${QUALIFIED_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]
  const name = parts.at(-1)!
  const problems: string[] = []
  if (parts.length === 2) {
    if (parts[0] === '') problems.push('prefix part must be non-empty')
    else problems.push(...subdomain(parts[0]!).map((problem) => `prefix part ${problem}`))
  }
  if (name === '') problems.push('name part must be non-empty')
  else if (name.length > 63) problems.push('name part must be no more than 63 characters')
  if (!QUALIFIED_PART.test(name)) problems.push(`name part ${QUALIFIED_RULE}`)
  return problems
}

const isDateTime = (text: string): boolean => {
  try {
    parseTimestamp(text.replace(/^(.{10})[ t]/, '$1T').replace(/z$/, 'Z'))
    return true
  } catch (error) {
    if (error instanceof Failure) return false
    throw error
  }
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
  labelValue: [bounded(LABEL_VALUE, 63, LABEL_VALUE_RULE), 40],
  uri: [(text) => [urlProblem(text)].filter((problem) => problem !== undefined), 128],
  uuid: [either((text) => UUID.test(text), 'does not match the UUID format'), 93],
  byte: [either((text) => text !== '' && BASE64.test(text), 'invalid base64'), 84],
  date: [either((text) => /^\d{4}-\d{2}-\d{2}$/.test(text) && isDateTime(`${text}T00:00:00Z`), 'invalid date'), 69],
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
      ofArguments: ([format, text]) =>
        traversal(sizeOf(text!) + 1) * Math.ceil((format as NamedFormat).regexSize * REGEX_LENGTH_FACTOR),
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
