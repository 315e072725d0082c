import { complaints, type Findings, invalidValue, required } from './findings.ts'
import { dns1035Label } from './names.ts'

const KNOWN = ['v1', 'v1beta1']

/** Versions of a review that a webhook takes; `mustKnow`: one that this server sends among them; `absent`: what is said of none. */
export function validateReviewVersions(
  versions: readonly string[],
  mustKnow: boolean,
  absent: string,
  path: string,
  found: Findings,
): void {
  if (versions.length === 0) {
    found.push(required(path, absent))
    return
  }
  for (const [index, version] of versions.entries()) {
    if (versions.indexOf(version) < index) found.push(invalidValue(`${path}[${index}]`, version, 'duplicate version'))
    else complaints(dns1035Label(version), version, `${path}[${index}]`, found)
  }
  if (mustKnow && !knowsAny(versions))
    found.push(invalidValue(path, versions, `must include at least one of ${KNOWN.join(', ')}`))
}

export const knowsAny = (versions: readonly string[]): boolean => versions.some((version) => KNOWN.includes(version))
