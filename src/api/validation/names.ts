import { isSubdomain, type NameRule, noLongerThan, unless, whole } from '#meta'

export { labelValue, type NameRule, NONE, qualifiedName, subdomainName } from '#meta'

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const LABEL_LENGTH_MAX = 63
const SUBDOMAIN_LENGTH_MAX = 253

export const dnsLabel = unless(
  (name) => name.length <= LABEL_LENGTH_MAX && LABEL.test(name),
  function* (name, prefix) {
    const looked = whole(name, prefix)
    yield* noLongerThan(LABEL_LENGTH_MAX, looked)
    if (LABEL.test(looked)) return
    yield isSubdomain(looked)
      ? 'must not contain dots'
      : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
  },
)

export const dns1035Label = unless(
  (name) => name.length <= LABEL_LENGTH_MAX && LABEL_1035.test(name),
  function* (name, prefix) {
    const looked = whole(name, prefix)
    yield* noLongerThan(LABEL_LENGTH_MAX, looked)
    if (!LABEL_1035.test(looked)) {
      yield "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
    }
  },
)

const WILDCARD = /^\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

/** `*.example.com`. */
export const wildcardName: NameRule = function* (name) {
  yield* noLongerThan(SUBDOMAIN_LENGTH_MAX, name)
  if (!WILDCARD.test(name)) {
    yield "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
  }
}

const UNDERSCORED = /^_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*$/

/** A domain to search, whose labels may have underscores, though not at their end. */
export const underscoredSubdomainName: NameRule = function* (name) {
  yield* noLongerThan(SUBDOMAIN_LENGTH_MAX, name)
  if (!UNDERSCORED.test(name)) {
    yield "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')"
  }
}

/** Anything that is one segment of a URL path: RBAC names hold colons and capitals. */
export const pathSegmentName: NameRule = function* (name, prefix) {
  if (!prefix && (name === '.' || name === '..')) yield `may not be '${name}'`
  if (name.includes('/')) yield "may not contain '/'"
  if (name.includes('%')) yield "may not contain '%'"
}

const PORT_NAME_LENGTH_MAX = 15
const PLAIN_PORT_NAME = /^[a-z][a-z0-9]*$/

/** An IANA service name. */
export const portName = unless(
  (name) => name.length <= PORT_NAME_LENGTH_MAX && PLAIN_PORT_NAME.test(name),
  function* (name) {
    yield* noLongerThan(PORT_NAME_LENGTH_MAX, name)
    if (!/^[-a-z0-9]+$/.test(name)) yield 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'
    if (!/[a-z]/.test(name)) yield 'must contain at least one letter (a-z)'
    if (name.includes('--')) yield 'must not contain consecutive hyphens'
    if (name.startsWith('-') || name.endsWith('-')) yield 'must not begin or end with a hyphen'
  },
)

const ENVIRONMENT_NAME = /^[ -<>-~]+$/

export const environmentName = unless(
  (name) => ENVIRONMENT_NAME.test(name),
  function* (name) {
    if (name === '') yield 'environment variable name must be non-empty'
    else if (!ENVIRONMENT_NAME.test(name)) {
      yield "a valid environment variable name must consist only of printable ASCII characters other than '='"
    }
  },
)

const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/

/** A key of a ConfigMap or Secret, which becomes a file name. */
export const configKey = unless(
  (key) => key.length <= SUBDOMAIN_LENGTH_MAX && CONFIG_KEY.test(key) && !key.startsWith('.'),
  function* (key) {
    yield* noLongerThan(SUBDOMAIN_LENGTH_MAX, key)
    if (!CONFIG_KEY.test(key)) {
      yield "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
    }
    if (key === '.') yield "must not be '.'"
    else if (key === '..') yield "must not be '..'"
    else if (key.startsWith('..')) yield "must not start with '..'"
  },
)

const SYSCTL_SEGMENT = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?'
const SYSCTL = `(${SYSCTL_SEGMENT}[\\./])*${SYSCTL_SEGMENT}`

/** A kernel parameter: segments with dots or slashes between. */
export const sysctlName: NameRule = function* (name) {
  if (name.length > SUBDOMAIN_LENGTH_MAX || !name.split(/[./]/).every((segment) => SYSCTL_PART.test(segment))) {
    yield `must have at most ${SUBDOMAIN_LENGTH_MAX} characters and match regex ^${SYSCTL}$`
  }
}

const SYSCTL_PART = new RegExp(`^${SYSCTL_SEGMENT}$`)

export const cIdentifier: NameRule = function* (name) {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    yield "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')"
  }
}
