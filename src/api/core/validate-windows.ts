import type { Container, PodSpec, WindowsSecurityContextOptions } from '../generated/types.ts'
import { complaints, type Findings, invalidValue } from '../validation/findings.ts'
import { subdomainName } from '../validation/names.ts'
import { hasContainer, visitedContainers } from './pod-facts.ts'

const SPEC_KIB_MAX = 64
const DOMAIN_LENGTH_MAX = 256
const USER_LENGTH_MAX = 104
// biome-ignore lint/suspicious/noControlCharactersInRegex: Go's [[:cntrl:]], which knows those of ASCII only
const CONTROL = /[\u0000-\u001f\u007f]/
const NETBIOS = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/
const DNS = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/
const ODD_CHARACTERS = /["/\\:;|=,+*?<>@[\]]/
const DOTS_OR_SPACES = /^[. ]+$/

export function validateWindowsOptions(options: WindowsSecurityContextOptions | undefined, field: string, found: Findings): void {
  if (options === undefined) return
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName: user } = options
  if (name !== undefined) complaints(subdomainName(name), name, `${field}.gmsaCredentialSpecName`, found)
  const bytes = Buffer.byteLength(spec ?? '')
  if (spec === '') found.push(invalidValue(`${field}.gmsaCredentialSpec`, spec, 'gmsaCredentialSpec cannot be an empty string'))
  else if (bytes > SPEC_KIB_MAX * 1024)
    found.push(invalidValue(`${field}.gmsaCredentialSpec`, spec, `gmsaCredentialSpec size must be under ${SPEC_KIB_MAX} KiB`))
  if (user !== undefined)
    for (const problem of userProblems(user)) found.push(invalidValue(`${field}.runAsUserName`, user, `runAsUserName${problem}`))
}

/** Of `DOMAIN\USER` or `USER` (https://kubernetes.io/docs/tasks/configure-pod-container/configure-runasusername/). */
function* userProblems(name: string): Iterable<string> {
  const parts = name.split('\\')
  if (name === '') yield ' cannot be an empty string'
  else if (CONTROL.test(name)) yield ' cannot contain control characters'
  else if (parts.length > 2) yield ' cannot contain more than one backslash'
  else {
    const [user = '', domain] = parts.reverse()
    if (domain !== undefined) {
      if (domain.length >= DOMAIN_LENGTH_MAX) yield `'s Domain length must be under ${DOMAIN_LENGTH_MAX} characters`
      if (!NETBIOS.test(domain) && !DNS.test(domain)) yield "'s Domain doesn't match the NetBios nor the DNS format"
    }
    if (user === '') yield "'s User cannot be empty"
    else if (user.length > USER_LENGTH_MAX) yield `'s User length must not be longer than ${USER_LENGTH_MAX} characters`
    if (DOTS_OR_SPACES.test(user)) yield "'s User cannot contain only periods or spaces"
    if (ODD_CHARACTERS.test(user)) yield `'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]`
  }
}

const saysHostProcess = ({ securityContext }: Container): boolean => securityContext?.windowsOptions?.hostProcess !== undefined

/** Processes of the host come all together, and on its network (https://kubernetes.io/docs/tasks/configure-pod-container/create-hostprocess-pod/). */
export function validateHostProcess(spec: PodSpec, field: string, found: Findings): void {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess
  if (ofPod === undefined && !hasContainer(spec, saysHostProcess)) return
  const containers = visitedContainers(spec, field)
  let count = 0
  for (const [{ securityContext }, path] of containers) {
    const own = securityContext?.windowsOptions?.hostProcess
    if (ofPod !== undefined && own !== undefined && own !== ofPod) {
      const rule = `pod hostProcess value must be identical if both are specified, was ${ofPod}`
      found.push(invalidValue(`${path}.securityContext.windowsOptions.hostProcess`, own, rule))
    }
    if (own ?? ofPod) count++
  }
  if (count === 0) return
  if (count < containers.length)
    found.push(
      invalidValue(field, '', 'If pod contains any hostProcess containers then all containers must be HostProcess containers'),
    )
  if (!spec.hostNetwork)
    found.push(invalidValue(`${field}.hostNetwork`, false, 'hostNetwork must be true if pod contains any hostProcess containers'))
}
